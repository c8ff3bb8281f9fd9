#include "domain/names.hpp"

#include <gtest/gtest.h>

namespace updraft {
namespace {

TEST(Names, RecordStatesAndTheirTexts) {
    using enum RecordState;
    EXPECT_EQ(name_of(waiting), "waiting");
    EXPECT_EQ(label_of(waiting).zh, "等待升级");
    EXPECT_EQ(name_of(processing), "processing");
    EXPECT_EQ(label_of(processing).zh, "升级中");
    EXPECT_EQ(name_of(success), "success");
    EXPECT_EQ(label_of(success).zh, "升级完成");
    EXPECT_EQ(name_of(failed), "failed");
    EXPECT_EQ(label_of(failed).zh, "升级失败");
    EXPECT_EQ(name_of(canceled), "canceled");
    EXPECT_EQ(label_of(canceled).zh, "已停止");
    for (const RecordState state : {waiting, processing, success, failed, canceled}) {
        EXPECT_EQ(record_state_named(name_of(state)), state);
        EXPECT_FALSE(label_of(state).en.empty());
    }
}

TEST(Names, TaskStatesAndTheirTexts) {
    using enum TaskState;
    EXPECT_EQ(name_of(processing), "processing");
    EXPECT_EQ(label_of(processing).zh, "升级中");
    EXPECT_EQ(name_of(canceled), "canceled");
    EXPECT_EQ(label_of(canceled).zh, "已停止");
    EXPECT_EQ(name_of(failed), "failed");
    EXPECT_EQ(label_of(failed).zh, "升级失败");
    EXPECT_EQ(name_of(success), "success");
    EXPECT_EQ(label_of(success).zh, "升级完成");
    for (const TaskState state : {processing, canceled, failed, success}) {
        EXPECT_FALSE(label_of(state).en.empty());
    }
}

TEST(Names, ModesAndTheirTexts) {
    EXPECT_EQ(name_of(UpgradeMode::push), "push");
    EXPECT_EQ(label_of(UpgradeMode::push).zh, "平台推送");
    EXPECT_EQ(name_of(UpgradeMode::pull), "pull");
    EXPECT_EQ(label_of(UpgradeMode::pull).zh, "设备拉取");
    EXPECT_EQ(upgrade_mode_named("push"), UpgradeMode::push);
    EXPECT_EQ(upgrade_mode_named("pull"), UpgradeMode::pull);
}

TEST(Names, DeviceTypesAndStatesAndTheirTexts) {
    EXPECT_EQ(label_of(DeviceType::device).zh, "直连设备");
    EXPECT_EQ(label_of(DeviceType::children_device).zh, "网关子设备");
    EXPECT_EQ(label_of(DeviceType::gateway).zh, "网关设备");
    EXPECT_EQ(name_of(DeviceType::children_device), "childrenDevice");
    for (const DeviceType type :
         {DeviceType::device, DeviceType::children_device, DeviceType::gateway}) {
        EXPECT_EQ(device_type_named(name_of(type)), type);
        EXPECT_FALSE(label_of(type).en.empty());
    }
    EXPECT_EQ(label_of(DeviceState::not_active).zh, "禁用");
    EXPECT_EQ(label_of(DeviceState::offline).zh, "离线");
    EXPECT_EQ(label_of(DeviceState::online).zh, "在线");
    EXPECT_EQ(name_of(DeviceState::not_active), "notActive");
    for (const DeviceState state :
         {DeviceState::not_active, DeviceState::offline, DeviceState::online}) {
        EXPECT_EQ(device_state_named(name_of(state)), state);
        EXPECT_FALSE(label_of(state).en.empty());
    }
}

TEST(Names, ReleaseTypesAndSignMethods) {
    EXPECT_EQ(release_type_named("all"), ReleaseType::all);
    EXPECT_EQ(release_type_named("part"), ReleaseType::part);
    EXPECT_EQ(name_of(ReleaseType::part), "part");
    EXPECT_EQ(name_of(SignMethod::md5), "md5");
    EXPECT_EQ(name_of(SignMethod::sha256), "sha256");
    EXPECT_EQ(sign_method_named("MD5"), SignMethod::md5);
    EXPECT_EQ(sign_method_named("Sha256"), SignMethod::sha256);
}

TEST(Names, AnUnknownNameGivesNothing) {
    for (const std::string_view unknown : {"", "running", "Waiting", "push "}) {
        EXPECT_FALSE(record_state_named(unknown));
        EXPECT_FALSE(upgrade_mode_named(unknown));
        EXPECT_FALSE(release_type_named(unknown));
        EXPECT_FALSE(sign_method_named(unknown));
        EXPECT_FALSE(device_type_named(unknown));
        EXPECT_FALSE(device_state_named(unknown));
    }
}

}  // namespace
}  // namespace updraft
