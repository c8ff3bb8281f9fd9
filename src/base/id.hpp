#pragma once

#include <fmt/format.h>

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace updraft {

/// An identifier that cannot be mistaken for another kind of identifier. All ids are strings on the
/// wire and in the API (spec 0.3); those that Updraft makes are decimal snowflakes of up to 19 digits.
template <class Tag>
struct Id {
    std::string value;

    Id() = default;
    explicit Id(std::string text) : value(std::move(text)) {}
    explicit Id(std::string_view text) : value(text) {}
    explicit Id(const char* text) : value(text) {}

    [[nodiscard]] bool empty() const { return value.empty(); }
    friend auto operator<=>(const Id&, const Id&) = default;
};

using ProductId = Id<struct ProductTag>;
using DeviceId = Id<struct DeviceTag>;
using FirmwareId = Id<struct FirmwareTag>;
using TaskId = Id<struct TaskTag>;
using RecordId = Id<struct RecordTag>;
using ProtocolId = Id<struct ProtocolTag>;
using FileId = Id<struct FileTag>;
using UserId = Id<struct UserTag>;
using RoleId = Id<struct RoleTag>;
using ApiTokenId = Id<struct ApiTokenTag>;
using CredentialId = Id<struct CredentialTag>;

}  // namespace updraft

template <class Tag>
struct std::hash<updraft::Id<Tag>> {
    std::size_t operator()(const updraft::Id<Tag>& id) const noexcept {
        return std::hash<std::string>{}(id.value);
    }
};

template <class Tag>
struct fmt::formatter<updraft::Id<Tag>> : fmt::formatter<std::string> {
    template <class Context>
    auto format(const updraft::Id<Tag>& id, Context& context) const {
        return fmt::formatter<std::string>::format(id.value, context);
    }
};
