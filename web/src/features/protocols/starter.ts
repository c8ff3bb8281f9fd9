/** The script that a new package begins with: a small binary protocol, whole enough to upgrade a device. */
import type { Language } from '@/app/i18n'

interface Comments {
  head: string
  features: string
  config: string
  decode: string
  poll: string
  progress: string
  failure: string
  encode: string
  layout: string
}

const comments: Record<Language, Comments> = {
  'zh-CN': {
    head: '-- 协议包：把设备的主题和内容翻译成平台的消息，再翻译回去。',
    features: '-- 支持固件升级',
    config: '-- 产品或设备上需要填写的配置项；类型：string、password、boolean',
    decode:
      '-- topic、payload：字节串；device.productId、device.deviceId。\n  -- 返回一条消息、消息的列表，或 nil（忽略）。',
    poll: '-- 上报版本并询问新固件',
    progress: '-- 进度（百分比）',
    failure: '-- 失败及其原因',
    encode: '-- message：平台的消息。返回主题和内容，或 nil（没有对应的消息）。',
    layout: '-- 长度(2)+地址、长度(1)+版本、长度(1)+签名、大小(4)，大端',
  },
  'en-US': {
    head: '-- A protocol package: turns topics and payloads of devices into messages, and back.',
    features: '-- devices can be upgraded',
    config: '-- what products and devices fill in; types: string, password, boolean',
    decode:
      '-- topic, payload: strings of bytes; device.productId, device.deviceId.\n  -- Answers a message, a list of messages, or nil: of no use.',
    poll: '-- says its version and asks for the next one',
    progress: '-- progress in percent',
    failure: '-- failed, and why',
    encode: '-- message: one of the server. Answers topic and payload, or nil: no words for it.',
    layout:
      '-- length (2) and address, length (1) and version, length (1) and digest, size (4), big-endian',
  },
}

export function starterScript(language: Language): string {
  const say = comments[language]
  return `${say.head}
return {
  transports = { "MQTT" },
  features = { "supportFirmware" }, ${say.features}
  config = { ${say.config}
    { property = "secureId", name = "secureId" },
    { property = "secureKey", name = "secureKey", type = "password" },
  },

  ${say.decode}
  decode = function(topic, payload, device)
    local kind = payload:byte(1)
    if kind == 0x01 then ${say.poll}
      return { messageType = "REQUEST_FIRMWARE", currentVersion = payload:sub(2) }
    elseif kind == 0x02 then ${say.progress}
      local percent = payload:byte(2) or 0
      return {
        messageType = "UPGRADE_FIRMWARE_PROGRESS",
        progress = percent,
        success = true,
        complete = percent >= 100,
      }
    elseif kind == 0x03 then ${say.failure}
      return {
        messageType = "UPGRADE_FIRMWARE_PROGRESS",
        success = false,
        complete = true,
        errorReason = payload:sub(2),
      }
    end
    print("unknown kind", kind)
  end,

  ${say.encode}
  encode = function(message, device)
    local kind = message.messageType
    if (kind == "UPGRADE_FIRMWARE" or kind == "REQUEST_FIRMWARE_REPLY") and message.url then
      ${say.layout}
      local body = string.pack(">s2s1s1I4",
        message.url, message.version or "", message.sign or "", message.size or 0)
      return "/" .. device.productId .. "/" .. device.deviceId .. "/down", "\\x81" .. body
    end
  end,
}
`
}
