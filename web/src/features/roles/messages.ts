import { messages } from '@/app/i18n'

export default messages({
  zh: {
    name: '角色名称',
    description: '说明',
    grants: '权限',
    add: '新增角色',
    edit: '编辑角色',
    none: '还没有角色',
    noneHint: '角色决定用户能看到哪些菜单，能使用哪些按钮。',
    nameRule: '请输入角色名称，最多 64 个字符',
    grantsHint: '勾选此角色可以看到的菜单和可以使用的按钮。',
    all: '全部',
    nothing: '没有权限',
    readOnly: '只读',
  },
  en: {
    name: 'Role',
    description: 'Description',
    grants: 'Grants',
    add: 'Add a role',
    edit: 'Edit the role',
    none: 'No roles yet',
    noneHint: 'A role says which menus its users see and which buttons they may press.',
    nameRule: 'Enter a name of at most 64 characters',
    grantsHint: 'Tick the menus that this role sees and the buttons it may press.',
    all: 'All',
    nothing: 'Nothing',
    readOnly: 'Read only',
  },
})
