#include "storage/artifacts/piece_upload.hpp"

#include <fcntl.h>

#include <algorithm>

namespace updraft {
namespace {

/// A journal is read for each piece, so it stays small: rewritten when this many of its lines say
/// nothing of their own, and no more than this many gaps.
constexpr std::size_t spare_lines_max = 1024;
constexpr std::size_t ranges_max = 16 * 1024;
constexpr std::size_t read_bytes = 256 * 1024;
/// What is written at a time: the digests find it in the processor's cache, and the kernel room for
/// it without looking for megabytes in one place (which made a write of 4 MiB ten times as dear as
/// sixteen of these, measured in a virtual machine).
constexpr std::size_t slice_bytes = 256 * 1024;

std::string text_of(const OpenFile& file) {
    std::string text(static_cast<std::size_t>(file.size()), '\0');
    text.resize(file.read_at(0, text));
    return text;
}

/// A journal may survive its bytes: a crash comes between the last two steps of an upload, or the
/// disk was repaired. Then it counts for nothing.
std::optional<PieceJournal> trusted(std::optional<PieceJournal> journal, const PieceFiles& files) {
    const std::optional<FileFacts> bytes = facts_of(files.bytes);
    if (!journal || !bytes || bytes->size_bytes < journal->received.end()) {
        return std::nullopt;
    }
    return journal;
}

/// The journal, open and locked, and still the one that its path names.
OpenFile locked_journal(const std::string& path) {
    while (true) {
        OpenFile journal(path, O_RDWR | O_CREAT);
        journal.lock();
        if (journal.is_at_its_path()) {
            return journal;
        }
    }
}

bool changed_since(const std::string& path, Instant before) {
    const std::optional<FileFacts> facts = facts_of(path);
    return facts && facts->changed_at_ms >= to_millis(before);
}

}  // namespace

PieceFiles PieceFiles::named(const ArtifactFolder& folder, const std::string& name) {
    const std::string stem = folder.uploads() + "/" + name;
    return {fmt::format("{}{}", stem, bytes_suffix), fmt::format("{}{}", stem, journal_suffix),
            fmt::format("{}{}", stem, new_journal_suffix), fmt::format("{}{}", stem, link_suffix)};
}

PieceFiles PieceFiles::of(const ArtifactFolder& folder, const std::string& session) {
    return named(folder, sha256_of(folder.algorithms(), session));
}

std::optional<PieceJournal> read_journal(const PieceFiles& files) {
    const std::optional<OpenFile> journal = OpenFile::try_open(files.journal, O_RDONLY);
    if (!journal) {
        return std::nullopt;
    }
    return trusted(PieceJournal::parse(text_of(*journal)), files);
}

PieceUpload::PieceUpload(const ArtifactFolder& folder, PieceDigests& digests, PieceFiles files)
    : folder_(folder),
      digests_(digests),
      files_(std::move(files)),
      journal_(locked_journal(files_.journal)) {}

void PieceUpload::remove_if_abandoned(const ArtifactFolder& folder, PieceDigests& digests,
                                      const std::string& name, Instant before) {
    PieceFiles files = PieceFiles::named(folder, name);
    if (changed_since(files.bytes, before) || changed_since(files.journal, before)) {
        return;
    }
    // Makes a journal where only bytes were left, so that there is something to lock.
    OpenFile journal(files.journal, O_RDWR | O_CREAT);
    if (!journal.try_lock() || !journal.is_at_its_path()) {
        return;
    }
    PieceUpload upload(folder, digests, std::move(files), std::move(journal));
    if (!changed_since(upload.files_.bytes, before)) {
        upload.discard();
    }
}

void PieceUpload::forget(const ArtifactFolder& folder, PieceDigests& digests,
                         const PieceFiles& files) {
    if (!facts_of(files.journal)) {
        return;
    }
    PieceUpload upload(folder, digests, files);
    const auto known = trusted(PieceJournal::parse(text_of(upload.journal_)), files);
    if (known && known->received.total_bytes() == known->length_bytes) {
        upload.discard();
    }
}

/// Whether these bytes are at their place already.
bool PieceUpload::holds(std::int64_t offset, std::string_view bytes) const {
    const std::optional<OpenFile> part = OpenFile::try_open(files_.bytes, O_RDONLY);
    std::string there(bytes.size(), '\0');
    return part && part->read_at(offset, there) == bytes.size() && there == bytes;
}

Result<std::optional<ArtifactDigests>> PieceUpload::write(std::int64_t offset, std::int64_t length,
                                                          std::string_view bytes) {
    auto known = trusted(PieceJournal::parse(text_of(journal_)), files_);
    if (known && known->received.total_bytes() == known->length_bytes) {
        // All was there, and whoever sent it may not have heard so (a crash, a lost answer).
        if (known->length_bytes == length && holds(offset, bytes)) {
            return std::optional(finish(*known));
        }
        known.reset();  // another upload under the same name
    }
    if (known && known->length_bytes != length) {
        return Error::invalid("length", text("length {} 与首个分片的 {} 不一致",
                                             "length {} differs from {} of the first piece", length,
                                             known->length_bytes));
    }
    try {
        PieceJournal state = known.value_or(PieceJournal{length, {}, 0, 0});
        ReceivedRanges received = state.received;
        received.add(offset, static_cast<std::int64_t>(bytes.size()));
        if (received.count() > ranges_max) {
            return Error::invalid("offset",
                                  text("offset {} 使分片不连续的区段超过 {} 个，请按顺序上传",
                                       "offset {} makes more than {} separate ranges: send the "
                                       "pieces in order",
                                       offset, ranges_max));
        }
        add_piece(state, offset, bytes);
        if (state.received.total_bytes() < length) {
            return std::optional<ArtifactDigests>{};
        }
        return std::optional(finish(state));
    } catch (const StorageError& error) {
        // Nothing was acknowledged yet, or nothing more will fit: give the room back.
        if (!known || error.cause() == StorageError::Cause::disk_full) {
            discard();
        }
        throw;
    }
}

/// The digests are computed while the disk is at work. They go on where they stopped if nobody but
/// us has written since, and unless this piece changes bytes that they know.
void PieceUpload::write_bytes(std::int64_t offset, std::string_view bytes, bool is_new) {
    const OpenFile part(files_.bytes, O_RDWR | O_CREAT);
    std::optional<RunningDigests> running;
    if (is_new) {
        running.emplace(folder_.algorithms());
    } else {
        running = digests_.take(files_.bytes, part.version());
    }
    if (running && running->bytes > offset) {
        running.reset();
    }
    const bool follows = running && running->bytes == offset;
    for (std::size_t at = 0; at < bytes.size(); at += slice_bytes) {
        const std::string_view slice = bytes.substr(at, slice_bytes);
        const std::int64_t place = offset + static_cast<std::int64_t>(at);
        const auto size = static_cast<std::int64_t>(slice.size());
        part.write_at(place, slice);
        part.begin_sync(place, size);
        if (follows) {
            running->hasher.update(slice);
            running->bytes += size;
        }
    }
    part.sync();
    if (running) {
        digests_.keep(files_.bytes, part.version(), *std::move(running));
    }
}

/// The bytes are on the disk before the journal says so, the journal before the caller does.
void PieceUpload::add_piece(PieceJournal& state, std::int64_t offset, std::string_view bytes) {
    const bool is_new = state.good_bytes == 0;
    if (is_new) {
        journal_.truncate(0);
        remove_file(files_.bytes);  // never cut: an artifact may be the same file
    }
    write_bytes(offset, bytes, is_new);

    const auto count = static_cast<std::int64_t>(bytes.size());
    const bool adds = state.received.add(offset, count);
    if (!adds && !is_new) {
        return;
    }
    std::string lines = is_new ? PieceJournal::first_lines(state.length_bytes) : std::string{};
    if (adds) {
        lines += PieceJournal::piece_line(offset, count);
        ++state.lines;
    }
    journal_.truncate(state.good_bytes);  // a line that a crash cut short
    try {
        journal_.write_at(state.good_bytes, lines);
        journal_.sync();
    } catch (const StorageError&) {
        journal_.truncate(state.good_bytes);  // the piece comes again, and is not taken for known
        throw;
    }
    if (is_new) {
        sync_folder(folder_.uploads());
    }
    if (state.lines > state.received.count() + spare_lines_max) {
        rewrite_journal(state);
    }
}

/// The new journal is locked before it takes the old one's name, so that nobody slips in between.
void PieceUpload::rewrite_journal(const PieceJournal& state) {
    OpenFile shorter(files_.new_journal, O_RDWR | O_CREAT | O_TRUNC);
    shorter.lock();
    shorter.write_at(0, state.compact_text());
    shorter.sync();
    shorter.move_to(files_.journal);
    sync_folder(folder_.uploads());
    journal_ = std::move(shorter);
}

ArtifactDigests PieceUpload::finish(const PieceJournal& state) {
    const OpenFile part(files_.bytes, O_RDONLY);
    RunningDigests running =
        digests_.take(files_.bytes, part.version()).value_or(RunningDigests(folder_.algorithms()));
    std::string buffer(read_bytes, '\0');
    std::size_t count = 0;
    while ((count = part.read_at(running.bytes, buffer)) > 0) {
        running.hasher.update(std::string_view(buffer).substr(0, count));
        running.bytes += static_cast<std::int64_t>(count);
    }
    if (running.bytes != state.length_bytes) {
        throw StorageError(StorageError::Cause::broken,
                           fmt::format("{} holds {} bytes instead of {}", files_.bytes,
                                       running.bytes, state.length_bytes));
    }
    ArtifactDigests digests = running.hasher.finish();
    folder_.keep_linked(part, files_.link, digests);
    return digests;
}

void PieceUpload::discard() noexcept {
    digests_.forget(files_.bytes);
    remove_file_quietly(files_.bytes);
    remove_file_quietly(files_.link);
    remove_file_quietly(files_.new_journal);
    remove_file_quietly(files_.journal);
}

}  // namespace updraft
