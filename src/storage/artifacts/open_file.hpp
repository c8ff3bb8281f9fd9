#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The few calls to the operating system that artifacts need, each one checked. All of them throw
/// StorageError with what was tried, the path and the system's reason: disk_full for a full disk or
/// quota (ENOSPC, EDQUOT), else broken.
namespace updraft {

/// An open file, closed on destruction. Remembers its path for error messages.
class OpenFile {
public:
    /// Opens with the flags of open(2); links are refused, except to folders.
    OpenFile(std::string path, int flags);
    /// The same; nothing if there is no such file, or if O_EXCL finds one.
    [[nodiscard]] static std::optional<OpenFile> try_open(std::string path, int flags);

    OpenFile(OpenFile&& other) noexcept;
    OpenFile& operator=(OpenFile&& other) noexcept;
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::int64_t size() const;

    /// Writes all bytes at `offset`, beyond the end too.
    void write_at(std::int64_t offset, std::string_view bytes) const;
    /// Fills `buffer` from `offset` on; how many bytes there were: less only at the end of the
    /// file.
    [[nodiscard]] std::size_t read_at(std::int64_t offset, std::span<char> buffer) const;
    /// One read, from the disk itself if the file was opened with O_DIRECT: then `buffer` has to
    /// begin and end on a block. Where the file system cannot do that, and at an odd end, the file
    /// goes on as an ordinary one. 0 is the end of the file.
    [[nodiscard]] std::size_t read_some_at(std::int64_t offset, std::span<char> buffer) const;
    void truncate(std::int64_t size) const;
    /// Lets the disk begin with these bytes, so that sync() has little left to wait for. Promises
    /// nothing; a disk that fails is heard of by sync().
    void begin_sync(std::int64_t offset, std::int64_t count) const noexcept;
    /// Which file it is and when its bytes last changed, as finely as the system tells: equal while
    /// nobody has written to it.
    struct Version {
        dev_t device;
        ino_t number;
        std::int64_t changed_at_s;
        std::int64_t changed_at_ns;
        friend bool operator==(const Version&, const Version&) = default;
    };
    [[nodiscard]] Version version() const;
    /// Returns once the bytes and the size are on the disk.
    void sync() const;

    /// Renames the file; it stays open and locked.
    void move_to(std::string path);

    /// Takes the exclusive lock of flock(2), waiting for it. It goes with the last descriptor, so a
    /// process that dies lets go of it.
    void lock() const;
    /// The same without waiting; false if somebody holds it.
    [[nodiscard]] bool try_lock() const;
    /// True while the path names this very file: nobody has removed, renamed or replaced it.
    [[nodiscard]] bool is_at_its_path() const;

private:
    OpenFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
    void close() noexcept;

    int descriptor_;
    std::string path_;
};

/// A regular file's size and time of last change; nothing if it is missing or no regular file.
struct FileFacts {
    std::int64_t size_bytes = 0;
    std::int64_t changed_at_ms = 0;  ///< since 1970, UTC
};
[[nodiscard]] std::optional<FileFacts> facts_of(const std::string& path);

/// Opens a file to be read with read_some_at() past the page cache, where the file system can;
/// nothing if it is gone.
[[nodiscard]] std::optional<OpenFile> open_past_cache(const std::string& path);

/// The names in a folder, in any order; none if it is no folder, or missing.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);

/// Makes the folder unless it is there; its parent must exist.
void make_folder(const std::string& path);
/// Returns once the folder's entries are on the disk.
void sync_folder(const std::string& path);
void rename_file(const std::string& from, const std::string& to);
/// False if there was none.
bool remove_file(const std::string& path);
/// Gives the file a second name; false if the file system cannot.
[[nodiscard]] bool link_file(const std::string& from, const std::string& to);
/// For destructors: a failure is logged, not thrown.
void remove_file_quietly(const std::string& path) noexcept;

/// `action` reads like "cannot write"; `error` is an errno.
[[noreturn]] void throw_storage_error(std::string_view action, const std::string& path, int error);

}  // namespace updraft
