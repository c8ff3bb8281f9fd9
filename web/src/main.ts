import '@/ui/kitRepairs'
import { VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './app/App.vue'
import { i18n } from './app/i18n'
import { nonceForStyles } from './app/nonce'
import { queryClient } from './app/queries'
import { router } from './app/router'
import './app/base.css'

nonceForStyles()
createApp(App)
  .use(createPinia())
  .use(i18n)
  .use(router)
  .use(VueQueryPlugin, { queryClient })
  .mount('#app')
