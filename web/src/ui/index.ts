/**
 * The only door to the component kit: the rest of the console imports from here, under names with a `U`, so that
 * another kit would be a matter of days. Our own parts stand beside the kit's. Charts are loaded when
 * one is drawn (`LazyChart`), because they are large and few pages draw them.
 */
export {
  Alert as UAlert,
  App as UApp,
  AutoComplete as UAutoComplete,
  Button as UButton,
  Checkbox as UCheckbox,
  ConfigProvider as UConfigProvider,
  DatePicker as UDatePicker,
  DateRangePicker as UDateRangePicker,
  Descriptions as UDescriptions,
  DescriptionsItem as UDescriptionsItem,
  Drawer as UDrawer,
  Dropdown as UDropdown,
  Form as UForm,
  FormItem as UFormItem,
  Input as UInput,
  InputNumber as UInputNumber,
  InputPassword as UInputPassword,
  Modal as UModal,
  Pagination as UPagination,
  Popconfirm as UPopconfirm,
  Popover as UPopover,
  Progress as UProgress,
  Radio as URadio,
  RadioGroup as URadioGroup,
  Segmented as USegmented,
  Select as USelect,
  Skeleton as USkeleton,
  Spin as USpin,
  Switch as USwitch,
  Table as UTable,
  Tabs as UTabs,
  Tag as UTag,
  TextArea as UTextArea,
  Tooltip as UTooltip,
} from 'antdv-next'
export { darkAlgorithm, defaultAlgorithm, kitLocale } from './kit'
export { default as ActionButton } from './ActionButton.vue'
export { default as CopyText } from './CopyText.vue'
export { default as DataTable } from './DataTable.vue'
export { default as EmptyState } from './EmptyState.vue'
export { default as ErrorState } from './ErrorState.vue'
export { default as Icon } from './Icon.vue'
export { default as LiveBadge } from './LiveBadge.vue'
export { default as PageHeader } from './PageHeader.vue'
export { default as QueryBar } from './QueryBar.vue'
export { default as ReferencesModal } from './ReferencesModal.vue'
export { default as StateBar } from './StateBar.vue'
export { default as StatusTag } from './StatusTag.vue'
export { default as TimeText } from './TimeText.vue'
export * from './copy'
export * from './feedback'
export * from './form'
export * from './format'
export { LazyChart } from './lazyChart'
export * from './list'
