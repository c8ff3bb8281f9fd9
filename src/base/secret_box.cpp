#include "base/secret_box.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

#include "base/bytes.hpp"

namespace updraft {
namespace {

constexpr std::string_view prefix = "sealed:1:";
constexpr std::size_t id_digits = 16;
constexpr std::size_t nonce_bytes = 12;
constexpr std::size_t tag_bytes = 16;

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

void check(int outcome) {
    if (outcome != 1) {
        throw std::runtime_error("OpenSSL does not do AES-256-GCM");
    }
}

/// HMAC-SHA256 as a function of (key, purpose): one key file, several independent keys.
SecretBox::Key derive(const SecretBox::Key& key, std::string_view purpose) {
    const std::string message = "updraft 1 " + std::string(purpose);
    SecretBox::Key made{};
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(message),
             message.size(), made.data(), &size) == nullptr ||
        size != made.size()) {
        throw std::runtime_error("OpenSSL does not do HMAC-SHA256");
    }
    return made;
}

const EVP_CIPHER* cipher() {
    static EVP_CIPHER* const fetched = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
    if (fetched == nullptr) {
        check(0);
    }
    return fetched;
}

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* made) const { EVP_CIPHER_CTX_free(made); }
};

/// A context that opens, ready for the nonce. One a thread, with the key that it has opened with
/// last: making one, and expanding a key, costs more than a short value does.
EVP_CIPHER_CTX* opening(const SecretBox::Key& key, const unsigned char* nonce) {
    static thread_local const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> kept(
        EVP_CIPHER_CTX_new());
    static thread_local SecretBox::Key expanded{};
    if (expanded != key) {
        check(EVP_DecryptInit_ex2(kept.get(), cipher(), key.data(), nonce, nullptr));
        expanded = key;
    } else {
        check(EVP_DecryptInit_ex2(kept.get(), nullptr, nullptr, nonce, nullptr));
    }
    return kept.get();
}

/// The additional data. Ids hold no zero byte; the row comes last.
std::string bound_to(const SecretPlace& place) {
    std::string bound(prefix);
    for (const std::string_view part : {place.table, place.column, place.row}) {
        bound += part;
        bound += '\0';
    }
    return bound;
}

std::string to_base64(std::string_view bytes) {
    std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
    text.resize(static_cast<std::size_t>(
        EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), static_cast<int>(bytes.size()))));
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    constexpr std::string_view letters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t end = text.find_last_not_of('=') + 1;
    const std::size_t padding = text.size() - end;
    if (text.empty() || text.size() % 4 != 0 || padding > 2 ||
        text.substr(0, end).find_first_not_of(letters) != std::string_view::npos) {
        return std::nullopt;
    }
    std::string bytes(text.size() / 4 * 3, '\0');
    if (EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), static_cast<int>(text.size())) < 0) {
        return std::nullopt;
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace

struct SecretBox::Entry {
    std::string id;
    Key master;   ///< as in the key file
    Key sealing;  ///< derived from it
};

SecretBox::SecretBox(const std::vector<Key>& keys) {
    if (keys.empty()) {
        throw std::invalid_argument("a secret box needs a key");
    }
    for (const Key& key : keys) {
        entries_.push_back({id_of(key), key, derive(key, "seal")});
    }
}

SecretBox::~SecretBox() {
    for (Entry& each : entries_) {
        OPENSSL_cleanse(each.master.data(), each.master.size());
        OPENSSL_cleanse(each.sealing.data(), each.sealing.size());
    }
}

SecretBox::Key SecretBox::new_key() {
    Key key{};
    if (RAND_priv_bytes(key.data(), static_cast<int>(key.size())) != 1) {
        throw std::runtime_error("the system's random generator failed");
    }
    return key;
}

std::string SecretBox::id_of(const Key& key) {
    return to_hex(derive(key, "id")).substr(0, id_digits);
}

const std::string& SecretBox::key_id() const {
    return entries_.front().id;
}

bool SecretBox::has_key(std::string_view id) const {
    return entry(id) != nullptr;
}

const SecretBox::Entry* SecretBox::entry(std::string_view id) const {
    const auto found = std::ranges::find(entries_, id, &Entry::id);
    return found == entries_.end() ? nullptr : &*found;
}

std::string SecretBox::derived(std::string_view purpose) const {
    const Key made = derive(entries_.front().master, purpose);
    return {reinterpret_cast<const char*>(made.data()), made.size()};
}

std::optional<std::string_view> SecretBox::key_id_of(std::string_view value) {
    if (!value.starts_with(prefix) || value.size() <= prefix.size() + id_digits ||
        value[prefix.size() + id_digits] != ':') {
        return std::nullopt;
    }
    return value.substr(prefix.size(), id_digits);
}

std::string SecretBox::seal(const SecretPlace& place, std::string_view clear) const {
    if (clear.empty()) {
        return "";
    }
    const Entry& with = entries_.front();
    std::string sealed(nonce_bytes + clear.size() + tag_bytes, '\0');
    unsigned char* const nonce = bytes_of(sealed);
    unsigned char* const text = nonce + nonce_bytes;
    check(RAND_bytes(nonce, nonce_bytes));
    const std::string bound = bound_to(place);
    const std::unique_ptr<EVP_CIPHER_CTX, FreeContext> made(EVP_CIPHER_CTX_new());
    EVP_CIPHER_CTX* const work = made.get();
    int size = 0;
    check(EVP_EncryptInit_ex2(work, cipher(), with.sealing.data(), nonce, nullptr));
    check(EVP_EncryptUpdate(work, nullptr, &size, bytes_of(bound), static_cast<int>(bound.size())));
    check(EVP_EncryptUpdate(work, text, &size, bytes_of(clear), static_cast<int>(clear.size())));
    check(EVP_EncryptFinal_ex(work, text + size, &size));
    check(EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_AEAD_GET_TAG, tag_bytes, text + clear.size()));
    return std::string(prefix) + with.id + ":" + to_base64(sealed);
}

std::optional<std::string> SecretBox::open(const SecretPlace& place,
                                           std::string_view sealed) const {
    if (sealed.empty()) {
        return "";
    }
    const auto id = key_id_of(sealed);
    const Entry* const with = id ? entry(*id) : nullptr;
    if (with == nullptr) {
        return std::nullopt;
    }
    auto bytes = from_base64(sealed.substr(prefix.size() + id_digits + 1));
    if (!bytes || bytes->size() <= nonce_bytes + tag_bytes) {
        return std::nullopt;
    }
    unsigned char* const nonce = bytes_of(*bytes);
    unsigned char* const text = nonce + nonce_bytes;
    const std::size_t text_bytes = bytes->size() - nonce_bytes - tag_bytes;
    const std::string bound = bound_to(place);
    std::string clear(text_bytes, '\0');
    EVP_CIPHER_CTX* const work = opening(with->sealing, nonce);
    int size = 0;
    check(EVP_DecryptUpdate(work, nullptr, &size, bytes_of(bound), static_cast<int>(bound.size())));
    check(EVP_DecryptUpdate(work, bytes_of(clear), &size, text, static_cast<int>(text_bytes)));
    check(EVP_CIPHER_CTX_ctrl(work, EVP_CTRL_AEAD_SET_TAG, tag_bytes, text + text_bytes));
    if (EVP_DecryptFinal_ex(work, bytes_of(clear) + size, &size) != 1) {
        return std::nullopt;
    }
    return clear;
}

}  // namespace updraft
