#include "cli/upload.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "cli/rows.hpp"
#include "client/digest.hpp"

namespace updraft::cli {
namespace {

using client::ProgressBar;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::uint64_t piece_bytes_min = 256 * 1024;
constexpr std::uint64_t piece_bytes_max = 8 * 1024 * 1024;
constexpr milliseconds quick_piece{500};
constexpr milliseconds slow_piece{2'000};
constexpr std::size_t read_bytes = 256 * 1024;
constexpr std::chrono::seconds retry_pause_max{15};

struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

Error cannot_read(const std::string& path) {
    return Error::of(ErrorCode::not_found,
                     text("无法读取 {}: {}", "cannot read {}: {}", path, std::strerror(errno)));
}

Error changed_meanwhile(const std::string& path) {
    return Error::of(ErrorCode::conflict,
                     text("{} 在上传过程中改变了", "{} changed while it was uploaded", path));
}

/// One upload on its way.
class Upload {
public:
    Upload(const Terminal& terminal, client::RestClient& api, const LocalFile& file,
           const UploadOptions& options)
        : terminal_(terminal),
          api_(api),
          file_(file),
          options_(options),
          bar_(terminal.in_language({"上传", "uploading"}), stderr, terminal.progress_style(),
               ProgressBar::Unit::bytes) {}

    Result<json::value> run() {
        const File opened(std::fopen(file_.path.c_str(), "rbe"));
        if (!opened) {
            return cannot_read(file_.path);
        }
        UPDRAFT_TRY(offset_, ask_offset());
        started_offset_ = offset_;
        if (offset_ > 0) {
            terminal_.say(text("继续上传, 服务器已有 {}", "going on with an upload, {} are there",
                               client::readable_bytes(offset_)));
        }
        bool started_over = false;
        while (true) {
            if (offset_ >= file_.size_bytes) {
                // Pieces of another run came in another order: what is missing lies before.
                if (std::exchange(started_over, true)) {
                    return changed_meanwhile(file_.path);
                }
                offset_ = 0;
            }
            UPDRAFT_TRY(json::value answer, send_piece(*opened));
            bar_.show(offset_, file_.size_bytes, terminal_.in_language(speed()));
            if (!text_at(answer, "sha256").empty()) {
                bar_.finish();
                return answer;
            }
        }
    }

private:
    [[nodiscard]] std::string session_target() const {
        return "/file/upload/sharding/cli-" + file_.sha256.substr(0, 48);
    }

    [[nodiscard]] Text speed() const {
        const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - started_);
        const std::uint64_t moved = offset_ > started_offset_ ? offset_ - started_offset_ : 0;
        return speed_text(moved, file_.size_bytes - std::min(offset_, file_.size_bytes), took);
    }

    /// Where to go on: the first byte that the server misses; 0 if it knows nothing of the upload.
    Result<std::uint64_t> ask_offset() {
        const Result<json::value> session =
            patiently([this] { return api_.get(session_target()); });
        if (!session && session.error().code != ErrorCode::not_found) {
            return session.error();
        }
        if (!session ||
            integer_at(*session, "length") != static_cast<std::int64_t>(file_.size_bytes)) {
            return 0;
        }
        return static_cast<std::uint64_t>(integer_at(*session, "nextOffset"));
    }

    /// Sends the piece at the offset, as often as it takes, and moves the offset on.
    Result<json::value> send_piece(std::FILE& file) {
        const Result<json::value> sent = send_once(file);
        if (sent || status_is_lasting(sent.error())) {
            return sent;
        }
        terminal_.say(text("连接中断, 正在重试: {}", "the connection is lost, trying again: {}",
                           terminal_.in_language(sent.error().message)));
        UPDRAFT_TRY(offset_, ask_offset());
        return patiently([&] { return send_once(file); });
    }

    Result<json::value> send_once(std::FILE& file) {
        client::HttpCall call;
        call.method = "POST";
        call.target = fmt::format("{}?offset={}&length={}&name={}", session_target(), offset_,
                                  file_.size_bytes, url_encoded(file_.name));
        call.headers["Content-Type"] = "application/octet-stream";
        call.body.resize(std::min(piece_bytes_, file_.size_bytes - offset_));
        if (::fseeko(&file, static_cast<::off_t>(offset_), SEEK_SET) != 0 ||
            std::fread(call.body.data(), 1, call.body.size(), &file) != call.body.size()) {
            return changed_meanwhile(file_.path);
        }
        const std::uint64_t bytes = call.body.size();
        const auto before = SteadyClock::now();
        UPDRAFT_TRY(json::value answer, api_.send(std::move(call)));
        offset_ += bytes;
        piece_bytes_ = next_piece_bytes(
            piece_bytes_, std::chrono::duration_cast<milliseconds>(SteadyClock::now() - before));
        return answer;
    }

    static bool status_is_lasting(const Error& error) {
        return error.code != ErrorCode::unavailable && error.code != ErrorCode::timeout &&
               error.code != ErrorCode::too_many_requests;
    }

    /// Tries until the server answers or the patience is over, in growing steps.
    template <class Call>
    Result<json::value> patiently(Call call) {
        const auto deadline = SteadyClock::now() + options_.patience;
        milliseconds pause{250};
        while (true) {
            Result<json::value> answer = call();
            if (answer || status_is_lasting(answer.error()) ||
                SteadyClock::now() + pause > deadline) {
                return answer;
            }
            std::this_thread::sleep_for(pause);
            pause = std::min<milliseconds>(pause * 2, retry_pause_max);
        }
    }

    const Terminal& terminal_;
    client::RestClient& api_;
    const LocalFile& file_;
    UploadOptions options_;
    ProgressBar bar_;
    std::uint64_t offset_ = 0;
    std::uint64_t started_offset_ = 0;
    std::uint64_t piece_bytes_ = piece_bytes_min;
    SteadyClock::time_point started_ = SteadyClock::now();
};

}  // namespace

std::uint64_t next_piece_bytes(std::uint64_t last_bytes, milliseconds took) {
    if (took < quick_piece) {
        return std::min(last_bytes * 2, piece_bytes_max);
    }
    return took > slow_piece ? std::max(last_bytes / 2, piece_bytes_min) : last_bytes;
}

Text speed_text(std::uint64_t moved_bytes, std::uint64_t left_bytes, milliseconds took) {
    if (moved_bytes == 0 || took.count() <= 0) {
        return {};
    }
    const std::uint64_t a_second =
        std::max<std::uint64_t>(1, moved_bytes * 1000 / static_cast<std::uint64_t>(took.count()));
    const std::string speed = client::readable_bytes(a_second) + "/s";
    const auto left = static_cast<std::int64_t>(left_bytes / a_second);
    if (left_bytes == 0) {
        return {speed, speed};
    }
    return text("{}  剩余 {}", "{}  {} left", speed, readable_seconds(left));
}

Result<LocalFile> measure(const Terminal& terminal, const std::string& path) {
    namespace fs = std::filesystem;
    std::error_code error;
    LocalFile file{path, fs::path(path).filename().string(), 0, {}, {}};
    if (fs::is_directory(path, error)) {
        return Error::invalid("file", text("{} 是目录", "{} is a folder", path));
    }
    const File opened(std::fopen(path.c_str(), "rbe"));
    if (!opened) {
        return cannot_read(path);
    }
    const std::uint64_t expected = fs::file_size(path, error);
    client::Digest md5(client::DigestKind::md5);
    client::Digest sha256(client::DigestKind::sha256);
    ProgressBar bar(terminal.in_language({"计算摘要", "digesting"}), stderr,
                    terminal.progress_style(), ProgressBar::Unit::bytes);
    std::string piece(read_bytes, '\0');
    while (const std::size_t got = std::fread(piece.data(), 1, piece.size(), opened.get())) {
        const std::string_view bytes(piece.data(), got);
        md5.update(bytes);
        sha256.update(bytes);
        file.size_bytes += got;
        if (expected > 64 * read_bytes) {
            bar.show(file.size_bytes, expected);
        }
    }
    if (std::ferror(opened.get()) != 0) {
        return cannot_read(path);
    }
    if (file.size_bytes == 0) {
        return Error::invalid("file", text("{} 是空文件", "{} is empty", path));
    }
    file.md5 = md5.hex();
    file.sha256 = sha256.hex();
    return file;
}

Result<json::value> upload(const Terminal& terminal, client::RestClient& api, const LocalFile& file,
                           const UploadOptions& options) {
    UPDRAFT_TRY(json::value stored, Upload(terminal, api, file, options).run());
    if (text_at(stored, "sha256") != file.sha256) {
        return changed_meanwhile(file.path);
    }
    return stored;
}

}  // namespace updraft::cli
