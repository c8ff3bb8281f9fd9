#include "server/backup_manifest.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "base/bytes.hpp"

namespace updraft::server {
namespace {

namespace json = boost::json;

constexpr std::size_t sha256_digits = 64;

json::object file_json(const BackupManifest::File& file) {
    return {{"sha256", file.sha256}, {"bytes", file.size_bytes}};
}

/// Names become paths: nothing but a digest may get through.
std::string digest_of(const json::value& value) {
    std::string digest(value.at("sha256").as_string());
    if (!is_hex(digest, sha256_digits) || to_lower(digest) != digest) {
        throw std::invalid_argument("sha256 cannot be \"" + digest + "\"");
    }
    return digest;
}

/// All files of a backup are no larger: sums of their sizes stay numbers, also when a progress
/// counts them twice.
constexpr std::int64_t bytes_max = std::numeric_limits<std::int64_t>::max() / 4;

/// A file that takes no more than `room`, which gets less by it.
BackupManifest::File file_of(const json::value& value, std::int64_t& room) {
    const auto bytes = value.at("bytes").to_number<std::int64_t>();
    if (bytes < 0 || bytes > room) {
        throw std::invalid_argument("bytes cannot be " + std::to_string(bytes));
    }
    room -= bytes;
    return {digest_of(value), bytes};
}

constexpr std::pair<BackupManifest::KeyPlace, std::string_view> key_places[] = {
    {BackupManifest::KeyPlace::none, "none"},
    {BackupManifest::KeyPlace::here, "here"},
    {BackupManifest::KeyPlace::left_out, "leftOut"},
    {BackupManifest::KeyPlace::outside, "outside"}};

json::object key_json(const BackupManifest& manifest) {
    json::object key{{"ids", json::array(manifest.key_ids.begin(), manifest.key_ids.end())}};
    for (const auto& [place, name] : key_places) {
        if (place == manifest.key_place) {
            key["place"] = name;
        }
    }
    if (manifest.key_place == BackupManifest::KeyPlace::here) {
        key["file"] = file_json(manifest.key);
    }
    return key;
}

void read_key(BackupManifest& manifest, const json::value& key, std::int64_t& room) {
    const std::string_view named = key.at("place").as_string();
    const auto* const known = std::ranges::find(
        key_places, named, &std::pair<BackupManifest::KeyPlace, std::string_view>::second);
    if (known == std::end(key_places)) {
        throw std::invalid_argument("place cannot be \"" + std::string(named) + "\"");
    }
    manifest.key_place = known->first;
    for (const json::value& id : key.at("ids").as_array()) {
        manifest.key_ids.emplace_back(id.as_string());
    }
    if (manifest.key_place == BackupManifest::KeyPlace::here) {
        manifest.key = file_of(key.at("file"), room);
    }
}

BackupManifest read(const json::value& root) {
    BackupManifest manifest;
    manifest.format = root.at("format").to_number<int>();
    manifest.version = root.at("version").as_string();
    manifest.schema_version = root.at("schemaVersion").to_number<int>();
    manifest.installation = root.at("installation").as_string();
    manifest.created_at = from_millis(root.at("createdAt").to_number<std::int64_t>());
    std::int64_t room = bytes_max;
    manifest.database = file_of(root.at("database"), room);
    manifest.settings = file_of(root.at("settings"), room);
    if (const auto* key = root.as_object().if_contains("secretKey")) {
        read_key(manifest, *key, room);
    }
    for (const auto& [table, rows] : root.at("rows").as_object()) {
        manifest.rows[std::string(table)] = rows.to_number<std::int64_t>();
    }
    for (const json::value& artifact : root.at("artifacts").as_array()) {
        manifest.artifacts.push_back(file_of(artifact, room));
    }
    for (const json::value& lost : root.at("lost").as_array()) {
        manifest.lost.push_back({digest_of(lost), std::string(lost.at("reason").as_string())});
    }
    return manifest;
}

}  // namespace

std::int64_t BackupManifest::rows_of(const std::string& table) const {
    const auto found = rows.find(table);
    return found == rows.end() ? 0 : found->second;
}

std::int64_t BackupManifest::artifact_bytes() const {
    std::int64_t bytes = 0;
    for (const File& artifact : artifacts) {
        bytes += artifact.size_bytes;
    }
    return bytes;
}

std::string BackupManifest::to_json() const {
    json::object tables;
    for (const auto& [table, count] : rows) {
        tables[table] = count;
    }
    json::array files;
    for (const File& artifact : artifacts) {
        files.push_back(file_json(artifact));
    }
    json::array missing;
    for (const Lost& each : lost) {
        missing.push_back(json::object{{"sha256", each.sha256}, {"reason", each.reason}});
    }
    const json::object root{{"format", format},
                            {"version", version},
                            {"schemaVersion", schema_version},
                            {"installation", installation},
                            {"createdAt", to_millis(created_at)},
                            {"database", file_json(database)},
                            {"settings", file_json(settings)},
                            {"secretKey", key_json(*this)},
                            {"rows", std::move(tables)},
                            {"artifacts", std::move(files)},
                            {"lost", std::move(missing)}};
    return json::serialize(root) + "\n";
}

Result<BackupManifest> BackupManifest::parse(std::string_view text_of_file) {
    try {
        const json::value root = json::parse(text_of_file);
        const auto format = root.at("format").to_number<int>();
        if (format > newest_format) {
            return Error::of(ErrorCode::conflict,
                             text("备份格式 {} 比本程序支持的 {} 新: 请用更新的 Updraft",
                                  "the backup has format {}, this program knows {}: take a newer "
                                  "Updraft",
                                  format, newest_format));
        }
        return read(root);
    } catch (const std::exception& error) {
        const std::string reason = error.what();
        return Error::of(ErrorCode::malformed,
                         text("{} 无法读取: {}", "{} cannot be read: {}", file, reason));
    }
}

std::string artifact_path(const std::string& sha256) {
    return "artifacts/" + sha256.substr(0, 2) + "/" + sha256;
}

}  // namespace updraft::server
