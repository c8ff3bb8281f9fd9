import { messages } from '@/app/i18n'

export default messages({
  zh: { signIn: '登录', username: '用户名', password: '密码' },
  en: { signIn: 'Sign in', username: 'User name', password: 'Password' },
})
