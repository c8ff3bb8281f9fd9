// Files that the server wrote once and reads again, perhaps after a crash or from a stranger's
// backup: a manifest, or else the journal of an upload in pieces. What is understood says the same
// when it is written again, and no name leads out of a folder.
#include "base/bytes.hpp"
#include "server/backup_manifest.hpp"
#include "storage/artifacts/piece_journal.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace updraft::fuzz {
namespace {

using server::BackupManifest;

void read_manifest(std::string_view text) {
    const auto manifest = BackupManifest::parse(text);
    if (!manifest) {
        return;
    }
    const auto again = BackupManifest::parse(manifest->to_json());
    UPDRAFT_ASSERT(again && *again == *manifest);
    UPDRAFT_ASSERT(manifest->artifact_bytes() >= 0);
    for (const BackupManifest::File& file : manifest->artifacts) {
        UPDRAFT_ASSERT(is_hex(file.sha256, 64) && file.size_bytes >= 0);
        UPDRAFT_ASSERT(server::artifact_path(file.sha256).find("..") == std::string::npos);
    }
}

void read_journal(std::string_view text) {
    const auto journal = PieceJournal::parse(text);
    if (!journal) {
        return;
    }
    UPDRAFT_ASSERT(journal->good_bytes <= static_cast<std::int64_t>(text.size()));
    std::int64_t end = -1;
    for (const auto& [offset, count] : journal->received.list()) {
        UPDRAFT_ASSERT(offset > end && count > 0 && offset + count <= journal->length_bytes);
        end = offset + count;
    }
    UPDRAFT_ASSERT(journal->received.total_bytes() <= journal->length_bytes);
    // A crash cuts the journal anywhere: the good part alone says the same.
    const auto good = static_cast<std::size_t>(journal->good_bytes);
    const auto cut = PieceJournal::parse(text.substr(0, good));
    UPDRAFT_ASSERT(cut && cut->received.list() == journal->received.list());
    const auto compact = PieceJournal::parse(journal->compact_text());
    UPDRAFT_ASSERT(compact && compact->received.list() == journal->received.list());
    UPDRAFT_ASSERT(compact->length_bytes == journal->length_bytes);
}

}  // namespace

UPDRAFT_FUZZ_TARGET(stored_files) {
    read_manifest(input);
    read_journal(input);
}

}  // namespace updraft::fuzz
