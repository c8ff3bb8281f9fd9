#include "domain/names.hpp"

#include <initializer_list>

#include "base/bytes.hpp"

namespace updraft {
namespace {

/// The value among `values` whose name is `name`. The switches of name_of() stay the one place
/// where a name is spelled.
template <class Enum>
std::optional<Enum> named(std::initializer_list<Enum> values, std::string_view name) {
    for (const Enum value : values) {
        if (name_of(value) == name) {
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view name_of(RecordState value) {
    switch (value) {
        case RecordState::waiting:
            return "waiting";
        case RecordState::processing:
            return "processing";
        case RecordState::success:
            return "success";
        case RecordState::failed:
            return "failed";
        case RecordState::canceled:
            return "canceled";
    }
    return {};
}

std::string_view name_of(UpgradeMode value) {
    switch (value) {
        case UpgradeMode::push:
            return "push";
        case UpgradeMode::pull:
            return "pull";
    }
    return {};
}

std::string_view name_of(TaskState value) {
    switch (value) {
        case TaskState::processing:
            return "processing";
        case TaskState::canceled:
            return "canceled";
        case TaskState::failed:
            return "failed";
        case TaskState::success:
            return "success";
    }
    return {};
}

std::string_view name_of(ReleaseType value) {
    switch (value) {
        case ReleaseType::all:
            return "all";
        case ReleaseType::part:
            return "part";
    }
    return {};
}

std::string_view name_of(Deployment value) {
    switch (value) {
        case Deployment::forced:
            return "forced";
        case Deployment::soft:
            return "soft";
        case Deployment::download_only:
            return "downloadOnly";
    }
    return {};
}

std::string_view name_of(CredentialKind value) {
    switch (value) {
        case CredentialKind::token:
            return "token";
        case CredentialKind::mqtt_key:
            return "mqttKey";
        case CredentialKind::authority:
            return "authority";
    }
    return {};
}

std::string_view name_of(SignMethod value) {
    switch (value) {
        case SignMethod::md5:
            return "md5";
        case SignMethod::sha256:
            return "sha256";
    }
    return {};
}

std::string_view name_of(DeviceType value) {
    switch (value) {
        case DeviceType::device:
            return "device";
        case DeviceType::children_device:
            return "childrenDevice";
        case DeviceType::gateway:
            return "gateway";
    }
    return {};
}

std::string_view name_of(DeviceState value) {
    switch (value) {
        case DeviceState::not_active:
            return "notActive";
        case DeviceState::offline:
            return "offline";
        case DeviceState::online:
            return "online";
    }
    return {};
}

Text label_of(RecordState value) {
    switch (value) {
        case RecordState::waiting:
            return {"等待升级", "Waiting"};
        case RecordState::processing:
            return {"升级中", "Upgrading"};
        case RecordState::success:
            return {"升级完成", "Completed"};
        case RecordState::failed:
            return {"升级失败", "Failed"};
        case RecordState::canceled:
            return {"已停止", "Stopped"};
    }
    return {};
}

Text label_of(UpgradeMode value) {
    switch (value) {
        case UpgradeMode::push:
            return {"平台推送", "Platform push"};
        case UpgradeMode::pull:
            return {"设备拉取", "Device pull"};
    }
    return {};
}

Text label_of(TaskState value) {
    switch (value) {
        case TaskState::processing:
            return {"升级中", "Upgrading"};
        case TaskState::canceled:
            return {"已停止", "Stopped"};
        case TaskState::failed:
            return {"升级失败", "Failed"};
        case TaskState::success:
            return {"升级完成", "Completed"};
    }
    return {};
}

Text label_of(DeviceType value) {
    switch (value) {
        case DeviceType::device:
            return {"直连设备", "Direct device"};
        case DeviceType::children_device:
            return {"网关子设备", "Gateway child device"};
        case DeviceType::gateway:
            return {"网关设备", "Gateway"};
    }
    return {};
}

Text label_of(DeviceState value) {
    switch (value) {
        case DeviceState::not_active:
            return {"禁用", "Disabled"};
        case DeviceState::offline:
            return {"离线", "Offline"};
        case DeviceState::online:
            return {"在线", "Online"};
    }
    return {};
}

std::optional<RecordState> record_state_named(std::string_view name) {
    return named({RecordState::waiting, RecordState::processing, RecordState::success,
                  RecordState::failed, RecordState::canceled},
                 name);
}

std::optional<UpgradeMode> upgrade_mode_named(std::string_view name) {
    return named({UpgradeMode::push, UpgradeMode::pull}, name);
}

std::optional<ReleaseType> release_type_named(std::string_view name) {
    return named({ReleaseType::all, ReleaseType::part}, name);
}

std::optional<Deployment> deployment_named(std::string_view name) {
    return named({Deployment::forced, Deployment::soft, Deployment::download_only}, name);
}

std::optional<CredentialKind> credential_kind_named(std::string_view name) {
    return named({CredentialKind::token, CredentialKind::mqtt_key, CredentialKind::authority},
                 name);
}

std::optional<SignMethod> sign_method_named(std::string_view name) {
    return named({SignMethod::md5, SignMethod::sha256}, to_lower(name));
}

std::optional<DeviceType> device_type_named(std::string_view name) {
    return named({DeviceType::device, DeviceType::children_device, DeviceType::gateway}, name);
}

std::optional<DeviceState> device_state_named(std::string_view name) {
    return named({DeviceState::not_active, DeviceState::offline, DeviceState::online}, name);
}

}  // namespace updraft
