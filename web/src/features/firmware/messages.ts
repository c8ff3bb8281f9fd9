import { messages } from '@/app/i18n'

export default messages({
  zh: {
    name: '固件名称',
    version: '固件版本',
    product: '所属产品',
    signMethod: '签名方式',
    add: '新增',
    none: '还没有固件',
    noneHint: '上传第一个固件，然后推送给设备。',
  },
  en: {
    name: 'Firmware name',
    version: 'Version',
    product: 'Product',
    signMethod: 'Signature method',
    add: 'Add firmware',
    none: 'No firmware yet',
    noneHint: 'Upload the first one, then push it to your devices.',
  },
})
