#include "server/secret_keys.hpp"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/log.hpp"
#include "server/folder_work.hpp"
#include "storage/artifacts/open_file.hpp"

namespace updraft::server {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t file_bytes_max = 64 * 1024;

Error malformed(const fs::path& file) {
    return Error::of(ErrorCode::malformed,
                     text("密钥文件 {} 应为每行64位十六进制数, 如 openssl rand -hex 32 的输出",
                          "the key file {} should have lines of 64 hex digits, as `openssl rand "
                          "-hex 32` prints them",
                          file.string()));
}

SecretBox::Key key_of(const std::string& bytes) {
    SecretBox::Key key{};
    std::ranges::copy(bytes, reinterpret_cast<char*>(key.data()));
    return key;
}

/// Other users may read a file that only the server should.
void complain_of_mode(const fs::path& file) {
    struct stat facts{};
    if (::stat(file.c_str(), &facts) == 0 && (facts.st_mode & 0077U) != 0) {
        log::warn("storage", "the key file is open to other users: chmod 0600 file={}",
                  file.string());
    }
}

std::string joined(const std::vector<std::string>& ids) {
    return fmt::format("{}", fmt::join(ids, ", "));
}

[[noreturn]] void refuse(const Error& error) {
    throw std::runtime_error(error.message.zh + " / " + error.message.en);
}

}  // namespace

SecretKeyPlace SecretKeyPlace::of(const fs::path& data, const std::string& key_file) {
    return key_file.empty() ? SecretKeyPlace{data / secret_key_file, false}
                            : SecretKeyPlace{key_file, true};
}

Result<std::vector<SecretBox::Key>> read_secret_keys(const fs::path& file) {
    std::error_code none;
    const std::uintmax_t size = fs::file_size(file, none);
    auto content = none || size > file_bytes_max ? std::nullopt : text_of(file);
    if (!content) {
        return Error::of(ErrorCode::not_found,
                         text("无法读取密钥文件 {}", "cannot read the key file {}", file.string()));
    }
    std::vector<SecretBox::Key> keys;
    for (std::size_t begin = 0; begin < content->size();) {
        const std::size_t end = std::min(content->find('\n', begin), content->size());
        std::string_view line = std::string_view(*content).substr(begin, end - begin);
        begin = end + 1;
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        const auto bytes = from_hex(line);
        if (!bytes || bytes->size() != SecretBox::key_bytes) {
            return malformed(file);
        }
        keys.push_back(key_of(*bytes));
    }
    OPENSSL_cleanse(content->data(), content->size());
    if (keys.empty()) {
        return malformed(file);
    }
    return keys;
}

void write_secret_keys(const fs::path& file, const std::vector<SecretBox::Key>& keys) {
    std::string lines;
    for (const SecretBox::Key& key : keys) {
        lines += to_hex(key) + "\n";
    }
    struct stat before{};
    const bool replaces = ::stat(file.c_str(), &before) == 0;
    const fs::path fresh = file.string() + ".new-" + random_hex(4);
    try {
        const OpenFile made(fresh.string(), O_RDWR | O_CREAT | O_EXCL);
        if (::chmod(fresh.c_str(), 0600) != 0) {
            throw_storage_error("cannot set the mode of", fresh.string(), errno);
        }
        made.write_at(0, lines);
        made.sync();
        if (replaces && ::geteuid() == 0) {
            (void)!::chown(fresh.c_str(), before.st_uid, before.st_gid);
        }
        rename_file(fresh.string(), file.string());
        sync_folder(fs::absolute(file).parent_path().string());
    } catch (...) {
        remove_file_quietly(fresh.string());
        throw;
    }
}

Result<void> check_keys(const fs::path& file, const std::vector<SecretBox::Key>& keys,
                        const std::vector<std::string>& key_ids) {
    std::vector<std::string> here;
    std::ranges::transform(keys, std::back_inserter(here), SecretBox::id_of);
    for (const std::string& id : key_ids) {
        if (std::ranges::find(here, id) == here.end()) {
            return Error::of(
                ErrorCode::conflict,
                text("密钥文件 {} 中的密钥 ({}) 打不开由密钥 {} 加密的数据: 请放回原来的密钥文件",
                     "the key file {} (key {}) does not open what key {} has sealed: put the right "
                     "key file back",
                     file.string(), joined(here), id));
        }
    }
    return {};
}

std::shared_ptr<const SecretBox> secrets_for(const SecretKeyPlace& place,
                                             const std::vector<std::string>& key_ids) {
    if (!place.configured && key_ids.empty() && !fs::exists(place.file)) {
        write_secret_keys(place.file, {SecretBox::new_key()});
        log::info("storage", "key of the secrets made file={}", place.file.string());
    }
    const auto keys = read_secret_keys(place.file);
    if (!keys && keys.error().code == ErrorCode::not_found && !key_ids.empty()) {
        refuse(Error::of(
            ErrorCode::not_found,
            text("数据库中的机密由密钥 {} 加密, 而密钥文件 {} 无法读取: 请放回该文件, 或用 "
                 "secrets.key_file 指定; 未作任何更改",
                 "the database holds secrets that key {} has sealed, and the key file {} cannot be "
                 "read: put it back, or name it with secrets.key_file; nothing was changed",
                 joined(key_ids), place.file.string())));
    }
    if (!keys) {
        refuse(keys.error());
    }
    if (const auto right = check_keys(place.file, *keys, key_ids); !right) {
        refuse(right.error());
    }
    complain_of_mode(place.file);
    return std::make_shared<SecretBox>(*keys);
}

}  // namespace updraft::server
