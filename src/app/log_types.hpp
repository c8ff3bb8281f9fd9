#pragma once

#include <string_view>

/// The types of lines in a device's log (spec 2.8); those of its devices are called as JetLinks
/// calls them.
namespace updraft::log_type {

inline constexpr std::string_view read_firmware = "readFirmware";
inline constexpr std::string_view read_firmware_reply = "readFirmwareReply";
inline constexpr std::string_view report_firmware = "reportFirmware";
inline constexpr std::string_view pull_firmware = "pullFirmware";
inline constexpr std::string_view pull_firmware_reply = "pullFirmwareReply";
inline constexpr std::string_view upgrade_firmware = "upgradeFirmware";
inline constexpr std::string_view upgrade_firmware_reply = "upgradeFirmwareReply";
inline constexpr std::string_view upgrade_firmware_progress = "upgradeFirmwareProgress";
/// A Lua package could not translate a message.
inline constexpr std::string_view script_failed = "scriptFailed";
inline constexpr std::string_view online = "online";
inline constexpr std::string_view offline = "offline";
/// hawkBit's devices: what they said of an action, as JSON; a whole file that they fetched; a task
/// that was not shown to a device, and why (hawkbit-ddi 5, 10, 11).
inline constexpr std::string_view ddi_feedback = "ddiFeedback";
inline constexpr std::string_view ddi_download = "ddiDownload";
inline constexpr std::string_view ddi_not_offered = "ddiNotOffered";
/// A record entered a state and no message tells of it: a deadline, an operator, another record.
inline constexpr std::string_view record_state = "recordState";

}  // namespace updraft::log_type
