import { messages } from '@/app/i18n'

export default messages({
  zh: {
    title: '升级记录',
    device: '设备',
    product: '所属产品',
    task: '升级任务',
    version: '固件版本',
    progress: '进度',
    reason: '失败原因',
    because: '{state}：{reason}',
    completeTime: '完成时间',
    none: '还没有升级记录',
    noneHint: '创建升级任务后，每台设备会有一条记录。',
  },
  en: {
    title: 'Upgrade records',
    device: 'Device',
    product: 'Product',
    task: 'Upgrade task',
    version: 'Version',
    progress: 'Progress',
    reason: 'Reason of the failure',
    because: '{state}: {reason}',
    completeTime: 'Completed',
    none: 'No upgrade records yet',
    noneHint: 'Each device of an upgrade task has one.',
  },
})
