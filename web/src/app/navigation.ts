/** The main menu: areas, their entries, and the menu code whose button `view` shows an entry. */
export interface NavEntry {
  /** Route name. */
  name: string
  /** Key of its text. */
  title: string
  icon: string
  /** Menu code; absent = everybody who is signed in. */
  menu?: string
}

export interface NavArea {
  title?: string
  entries: NavEntry[]
}

export const navigation: NavArea[] = [
  { entries: [{ name: 'overview', title: 'nav.overview', icon: 'overview' }] },
  {
    title: 'nav.operations',
    entries: [
      { name: 'firmware', title: 'nav.firmware', icon: 'firmware', menu: 'device/Firmware' },
      { name: 'tasks', title: 'nav.tasks', icon: 'tasks', menu: 'device/Firmware' },
    ],
  },
  {
    title: 'nav.link',
    entries: [
      { name: 'products', title: 'nav.products', icon: 'products', menu: 'device/Product' },
      { name: 'devices', title: 'nav.devices', icon: 'devices', menu: 'device/Instance' },
      { name: 'protocols', title: 'nav.protocols', icon: 'protocols', menu: 'link/Protocol' },
    ],
  },
  {
    title: 'nav.system',
    entries: [
      { name: 'users', title: 'nav.users', icon: 'users', menu: 'system/User' },
      { name: 'roles', title: 'nav.roles', icon: 'roles', menu: 'system/Role' },
      { name: 'tokens', title: 'nav.tokens', icon: 'tokens' },
      { name: 'audit', title: 'nav.audit', icon: 'audit', menu: 'system/Audit' },
    ],
  },
]
