#include "transport/http/rest/files.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"
#include "transport/http/rest/files_multipart.hpp"
#include "transport/http/rest/json_reader.hpp"
#include "transport/http/rest/piece_step.hpp"

namespace updraft::rest {
namespace {

using http::Method;

constexpr std::size_t files_in_batch_max = 100;
/// Each step is synced, and so is its journal: where steps are small, an upload mostly waits for
/// that.
constexpr std::size_t piece_step_bytes = 8 * 1024 * 1024;
constexpr std::string_view octet_stream = "application/octet-stream";

struct MediaType {
    std::string_view extension;
    std::string_view type;
};
constexpr std::array media_types{
    MediaType{"txt", "text/plain;charset=UTF-8"},
    MediaType{"log", "text/plain;charset=UTF-8"},
    MediaType{"md", "text/plain;charset=UTF-8"},
    MediaType{"csv", "text/csv;charset=UTF-8"},
    MediaType{"json", "application/json"},
    MediaType{"xml", "application/xml"},
    MediaType{"html", "text/html;charset=UTF-8"},
    MediaType{"pdf", "application/pdf"},
    MediaType{"png", "image/png"},
    MediaType{"jpg", "image/jpeg"},
    MediaType{"jpeg", "image/jpeg"},
    MediaType{"gif", "image/gif"},
    MediaType{"svg", "image/svg+xml"},
    MediaType{"webp", "image/webp"},
    MediaType{"ico", "image/x-icon"},
    MediaType{"zip", "application/zip"},
    MediaType{"gz", "application/gzip"},
    MediaType{"tgz", "application/gzip"},
    MediaType{"tar", "application/x-tar"},
    MediaType{"7z", "application/x-7z-compressed"},
    MediaType{"xz", "application/x-xz"},
    MediaType{"jar", "application/java-archive"},
    MediaType{"hex", "text/plain;charset=UTF-8"},
};

std::string_view media_type_of(std::string_view extension) {
    const std::string lower = to_lower(extension);
    const auto* found = std::ranges::find(media_types, lower, &MediaType::extension);
    return found == media_types.end() ? octet_stream : found->type;
}

/// The file's name for a header: plain ASCII for old clients, and `filename*` for all others
/// (RFC 6266).
std::string disposition_of(const std::string& name) {
    std::string ascii;
    std::string encoded;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = byte > 0x20 && byte < 0x7F;
        ascii.push_back(plain && c != '"' && c != '\\' && c != '%' ? c : '_');
        const bool unreserved =
            plain && (std::isalnum(byte) != 0 || c == '-' || c == '.' || c == '_');
        encoded += unreserved ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return fmt::format("attachment; filename=\"{}\"; filename*=UTF-8''{}", ascii, encoded);
}

FileService::Description described(const Call& call, std::string name, std::string_view extension) {
    FileService::Description description;
    description.name = std::move(name);
    description.extension = extension;
    std::string options = call.request.query_value("options").value_or("") + ",";
    for (auto comma = options.find(','); comma != std::string::npos; comma = options.find(',')) {
        const std::string option = options.substr(0, comma);
        options.erase(0, comma + 1);
        description.public_access |= equals_ignoring_case(option, "publicAccess");
        description.temporary |= equals_ignoring_case(option, "tempFile");
    }
    return description;
}

Error no_file() {
    return Error::invalid("file", text("请上传文件: 缺少名为file的部分",
                                       "upload a file: the part named \"file\" is missing"));
}

/// Where the bytes of one uploaded file come from: a part, or the raw body.
using Bytes = std::function<Result<std::string>()>;
using Consume = std::function<Result<void>(const std::string& name, const Bytes& bytes)>;

/// Calls `consume` for each file of the request's body, at most `files_max`. Errors: no file in it.
Result<void> each_file(const Call& call, std::size_t files_max, const Consume& consume) {
    const http::Request& request = call.request;
    const auto next = [&request] { return request.stream->read(); };
    const std::string type = request.header("Content-Type").value_or("");
    UPDRAFT_TRY(const std::optional<std::string> boundary, multipart_boundary(type));
    if (!boundary) {
        const auto name = request.query_value("name");
        if (!name || name->empty()) {
            return Error::of(ErrorCode::unsupported_media_type,
                             text("请用multipart/form-data上传文件，或以?name=文件名上传原始内容",
                                  "send multipart/form-data, or the bare bytes with ?name=..."));
        }
        return consume(*name, [&]() -> Result<std::string> { return next(); });
    }
    MultipartReader reader(*boundary, next);
    std::size_t files = 0;
    while (true) {
        UPDRAFT_TRY(const std::optional<MultipartReader::Part> part, reader.next_part());
        if (!part) {
            break;
        }
        const bool is_file = part->file_name || part->name == "file";
        if (!is_file || files == files_max) {
            continue;  // a form field, or more than the route takes: passed over
        }
        ++files;
        UPDRAFT_CHECK(consume(part->file_name.value_or("file"), [&] { return reader.read(); }));
    }
    return files == 0 ? Result<void>(no_file()) : Result<void>{};
}

Result<StoredFile> store(FileService::Upload upload, const Call& call,
                         const FileService::Description& description, const Bytes& bytes) {
    while (true) {
        UPDRAFT_TRY(const std::string chunk, bytes());
        if (chunk.empty()) {
            return upload.finish(description, call.by);
        }
        UPDRAFT_CHECK(upload.write(chunk));
    }
}

/// A client that goes away in the middle leaves nothing behind, and reads no answer either.
template <class Work>
Result<Answer> uploading(Work work) {
    try {
        return work();
    } catch (const http::BodyCut&) {
        return Error::of(ErrorCode::malformed, text("上传中断", "the upload was cut off"));
    }
}

Result<Answer> upload_one(FileService& files, const Call& call, const std::string& extension) {
    return uploading([&]() -> Result<Answer> {
        std::optional<StoredFile> stored;
        UPDRAFT_CHECK(
            each_file(call, 1, [&](const std::string& name, const Bytes& bytes) -> Result<void> {
                UPDRAFT_TRY(stored,
                            store(files.begin(), call, described(call, name, extension), bytes));
                return {};
            }));
        return json::value(file_json(*stored, files.url_of(*stored)));
    });
}

Result<Answer> upload_several(FileService& files, const Call& call) {
    return uploading([&]() -> Result<Answer> {
        json::array list;
        UPDRAFT_CHECK(
            each_file(call, files_in_batch_max,
                      [&](const std::string& name, const Bytes& bytes) -> Result<void> {
                          UPDRAFT_TRY(const StoredFile stored,
                                      store(files.begin(), call, described(call, name, {}), bytes));
                          list.emplace_back(file_json(stored, files.url_of(stored)));
                          return {};
                      }));
        return json::value(std::move(list));
    });
}

Result<Answer> replace(FileService& files, const Call& call) {
    return uploading([&]() -> Result<Answer> {
        std::optional<StoredFile> stored;
        UPDRAFT_CHECK(
            each_file(call, 1, [&](const std::string& name, const Bytes& bytes) -> Result<void> {
                UPDRAFT_TRY(FileService::Upload upload,
                            files.begin_replacement(FileId(call.parameter("id"))));
                UPDRAFT_TRY(stored,
                            store(std::move(upload), call, described(call, name, {}), bytes));
                return {};
            }));
        return json::value(file_json(*stored, files.url_of(*stored)));
    });
}

json::value session_json(const PartialUpload& upload) {
    return json::object{{"sessionId", upload.session},
                        {"length", upload.length_bytes},
                        {"received", upload.received_bytes},
                        {"nextOffset", upload.next_offset}};
}

/// A piece is handed on in steps, so that memory stays flat whatever the client calls a piece.
Result<Answer> upload_piece(FileService& files, const Call& call) {
    const json::object asked{{"offset", call.request.query_value("offset").value_or("")},
                             {"length", call.request.query_value("length").value_or("")}};
    JsonReader reader(asked);
    FileService::Piece piece{call.parameter("sessionId"), reader.integer("offset", 0).value_or(0),
                             reader.integer("length", 1).value_or(0)};
    UPDRAFT_CHECK(reader.finish());
    return uploading([&]() -> Result<Answer> {
        std::optional<StoredFile> stored;
        const auto consume = [&](const std::string& name, const Bytes& bytes) -> Result<void> {
            const FileService::Description description = described(call, name, {});
            PieceStep step(piece_step_bytes);
            bool more = true;
            while (more) {
                UPDRAFT_TRY(const std::string chunk, bytes());
                more = !chunk.empty();
                std::string_view rest = chunk;
                do {
                    rest.remove_prefix(step.take(rest));
                    if (step.is_full() || (!more && !step.bytes().empty())) {
                        UPDRAFT_TRY(stored,
                                    files.write_piece(piece, step.bytes(), description, call.by));
                        piece.offset_bytes += static_cast<std::int64_t>(step.bytes().size());
                        step.clear();
                    }
                } while (!rest.empty());
            }
            return {};
        };
        UPDRAFT_CHECK(each_file(call, 1, consume));
        if (stored) {
            return json::value(file_json(*stored, files.url_of(*stored)));
        }
        return session_json(files.progress_of(piece.session, call.identity)
                                .value_or(PartialUpload{piece.session, piece.length_bytes}));
    });
}

Result<Answer> upload_progress(const FileService& files, const Call& call) {
    UPDRAFT_TRY(const PartialUpload upload,
                files.progress_of(call.parameter("sessionId"), call.identity));
    return session_json(upload);
}

/// The file that a download's path names; what stands behind the dot is for people.
FileId asked_file(const http::Request& request) {
    const std::string& asked = request.parameter("id");
    return FileId(to_lower(asked.substr(0, asked.find('.'))));
}

http::Response download_response(const FileService::Download& found, const http::Request& request) {
    const StoredFile& file = found.file;
    const std::string_view type = media_type_of(file.extension);
    http::Response response;
    response.headers = {
        {"Content-Type", std::string(type)},   {"file-md5", file.md5},
        {"file-sha256", file.sha256},          {"Content-MD5", file.md5},
        {"Digest", "sha-256=" + file.sha256},  {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "sandbox"}};
    if (type == octet_stream || request.query_value("attachment") == "true") {
        response.headers.emplace_back("Content-Disposition", disposition_of(file.name));
    }
    response.body =
        http::FileBody{found.path, file.size_bytes, file.sha256, to_millis(file.created_at)};
    return response;
}

Result<Answer> download(const FileService& files, const Call& call) {
    const FileId id = asked_file(call.request);
    const auto part = [&](const char* name) { return call.request.query_value(name).value_or(""); };
    const auto signature = call.request.query_value("s");
    UPDRAFT_TRY(const FileService::Download found,
                signature ? files.open_link(id, {part("d"), part("r"), part("e"), *signature})
                          : files.open(id, call.request.query_value("accessKey"),
                                       !call.identity.user.empty()));
    return download_response(found, call.request);
}

/// Whoever signs in is looked at by download(): a sign-in is prolonged by being used. So is a link
/// of one upgrade, which may have ended.
std::optional<http::Response> download_at_once(const FileService& files,
                                               const http::Request& request) {
    if (!token_of(request).empty() || request.query_value("s")) {
        return std::nullopt;
    }
    const auto found = files.open_at_once(asked_file(request), request.query_value("accessKey"));
    return found ? std::optional(download_response(*found, request)) : std::nullopt;
}

}  // namespace

json::object file_json(const StoredFile& file, std::string_view url) {
    json::array options;
    if (file.public_access) {
        options.emplace_back("publicAccess");
    }
    if (file.temporary) {
        options.emplace_back("tempFile");
    }
    json::object json{{"id", file.id.value},
                      {"name", file.name},
                      {"extension", file.extension},
                      {"length", file.size_bytes},
                      {"md5", file.md5},
                      {"sha256", file.sha256},
                      {"createTime", to_millis(file.created_at)},
                      {"creatorId", file.creator.value},
                      {"options", std::move(options)},
                      {"others", json::object{{"accessKey", file.access_key}}},
                      {"accessUrl", url}};
    put_text(json, "sha1", file.sha1);
    return json;
}

void file_routes(Api& api, FileService& files) {
    const http::RouteOptions streaming{.streaming_body = true};
    const auto upload = [&files](const Call& call) { return upload_one(files, call, {}); };
    // The router knows whole segments only; this one is "upload.{suffix}".
    const auto upload_as = [&files](const Call& call) -> Result<Answer> {
        constexpr std::string_view start = "upload.";
        const std::string& name = call.parameter("id");
        if (!name.starts_with(start) || extension_of(name).empty()) {
            return Error::not_found("接口", "endpoint", name);
        }
        return upload_one(files, call, extension_of(name));
    };
    api.act(Method::post, "/file/upload", Access::signed_in(), {"file.upload"}, upload, streaming);
    api.act(Method::post, "/file/{id}", Access::signed_in(), {"file.upload"}, upload_as, streaming);
    api.act(
        Method::post, "/file/batch/upload", Access::signed_in(), {"file.upload"},
        [&files](const Call& call) { return upload_several(files, call); }, streaming);
    api.act(
        Method::post, "/file/upload/sharding/{sessionId}", Access::signed_in(),
        {"file.upload", Act::Entry::if_stored},
        [&files](const Call& call) { return upload_piece(files, call); }, streaming);
    api.route(Method::get, "/file/upload/sharding/{sessionId}", Access::signed_in(),
              [&files](const Call& call) { return upload_progress(files, call); });
    api.act(
        Method::put, "/file/update/{id}", Access::signed_in(), {"file.replace"},
        [&files](const Call& call) { return replace(files, call); }, streaming);
    api.route(Method::get, "/file/{id}", Access::open(),
              [&files](const Call& call) { return download(files, call); },
              {.at_once = [&files](const http::Request& request) {
                  return download_at_once(files, request);
              }});
}

}  // namespace updraft::rest
