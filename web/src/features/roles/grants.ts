/** What a role may do, as the form shows it: menus with their buttons. */
import type { Schemas } from '@/api/client'

export type MenuGrant = Schemas['MenuGrant']
type MenuNode = Schemas['MenuNode']

export interface GrantMenu {
  code: string
  name: string
  buttons: { id: string; name: string }[]
}

/** The menus that have buttons, in the order of the tree. */
export function grantMenus(nodes: MenuNode[]): GrantMenu[] {
  return nodes.flatMap((node) => [
    ...(node.buttons?.length ? [{ code: node.code, name: node.name, buttons: node.buttons }] : []),
    ...grantMenus(node.children ?? []),
  ])
}

export function granted(grants: MenuGrant[], code: string): string[] {
  return grants.find((grant) => grant.code === code)?.buttons ?? []
}

/** The grants with the buttons of one menu replaced; whoever may press a button also sees the page. */
export function withButtons(grants: MenuGrant[], code: string, buttons: string[]): MenuGrant[] {
  const others = grants.filter((grant) => grant.code !== code)
  if (!buttons.length) return others
  const seen = buttons.includes('view') ? buttons : ['view', ...buttons]
  return [...others, { code, buttons: seen }]
}

/** Every menu with its `view` button alone. */
export function readOnly(menus: GrantMenu[]): MenuGrant[] {
  return menus
    .filter((menu) => menu.buttons.some((button) => button.id === 'view'))
    .map((menu) => ({ code: menu.code, buttons: ['view'] }))
}
