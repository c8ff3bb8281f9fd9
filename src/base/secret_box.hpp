#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace updraft {

/// The place of a value in the database. A value that was sealed for one place opens at no other.
struct SecretPlace {
    std::string_view table;
    std::string_view column;
    std::string_view row;  ///< id of the row
};

/// Seals what has to be stored and read again, but must not be readable in the database
/// (AES-256-GCM; the format is in docs/internals/storage.md):
///
///     sealed:1:0123456789abcdef:bm9uY2UuLi4...
///
/// The id names the key, so that values of several keys may lie side by side while a new key
/// replaces an old one. Safe from every thread.
class SecretBox {
public:
    static constexpr std::size_t key_bytes = 32;
    using Key = std::array<std::uint8_t, key_bytes>;

    /// The first key seals, all of them open; there is at least one.
    explicit SecretBox(const std::vector<Key>& keys);
    ~SecretBox();
    SecretBox(const SecretBox&) = delete;
    SecretBox& operator=(const SecretBox&) = delete;

    /// A key from the system's generator.
    [[nodiscard]] static Key new_key();
    /// What names a key without telling anything of it: 16 hex digits.
    [[nodiscard]] static std::string id_of(const Key& key);

    /// The sealed form; "" stays "".
    [[nodiscard]] std::string seal(const SecretPlace& place, std::string_view clear) const;
    /// What was sealed; "" stays "". Nothing if the value was altered, was sealed for another place
    /// or with a key that is not here, or is not sealed at all.
    [[nodiscard]] std::optional<std::string> open(const SecretPlace& place,
                                                  std::string_view sealed) const;

    /// Of the key that seals.
    [[nodiscard]] const std::string& key_id() const;
    [[nodiscard]] bool has_key(std::string_view id) const;
    /// 32 bytes that follow from the key that seals and tell nothing of it, others for each
    /// purpose.
    [[nodiscard]] std::string derived(std::string_view purpose) const;

    /// The id of the key that a value was sealed with; nothing if it is not sealed.
    [[nodiscard]] static std::optional<std::string_view> key_id_of(std::string_view value);

private:
    struct Entry;
    [[nodiscard]] const Entry* entry(std::string_view id) const;
    std::vector<Entry> entries_;
};

}  // namespace updraft
