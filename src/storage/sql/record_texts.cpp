#include "storage/sql/record_texts.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

#include "app/ports.hpp"

namespace updraft::sql {
namespace {

constexpr std::int64_t block_records_max = 512;
constexpr std::size_t block_bytes_max = 256 << 10;  ///< long names make smaller blocks
constexpr char digit_zero = '0';
constexpr unsigned digit_bits = 5;
constexpr unsigned more = 1U << digit_bits;

void write_number(std::string& to, std::uint64_t number) {
    while (number >= more) {
        to += static_cast<char>(digit_zero + static_cast<char>((number & (more - 1)) | more));
        number >>= digit_bits;
    }
    to += static_cast<char>(digit_zero + static_cast<char>(number));
}

/// Advances `at`; a damaged text ends the search with an error, not behind its end.
std::uint64_t read_number(std::string_view from, std::size_t& at) {
    std::uint64_t number = 0;
    for (unsigned shift = 0; at < from.size() && shift < 64; shift += digit_bits) {
        const auto digit = static_cast<unsigned>(from[at++] - digit_zero);
        number |= std::uint64_t{digit & (more - 1)} << shift;
        if ((digit & more) == 0) {
            return number;
        }
    }
    throw StorageError(StorageError::Cause::broken, "a block of record texts is damaged");
}

/// One block while it is read; valid until the next one.
class Block {
public:
    Block(std::int64_t first_id, std::int64_t records, std::string_view lengths,
          std::string_view ids, std::string_view names)
        : first_id_(first_id),
          count_(static_cast<std::size_t>(records)),
          lengths_(lengths),
          texts_{ids, names} {}

    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::int64_t id(std::size_t record) { return shape().ids[record]; }
    [[nodiscard]] std::string_view text(RecordText which, std::size_t record) {
        const auto& ends = shape().ends[static_cast<std::size_t>(which)];
        const std::size_t begin = record == 0 ? 0 : ends[record - 1];
        return texts_[static_cast<std::size_t>(which)].substr(begin, ends[record] - begin);
    }

    /// Sets `marks` of the records that the pattern fits.
    void mark(const TextPattern& pattern, std::vector<char>& marks) {
        const std::string_view all = texts_[static_cast<std::size_t>(pattern.text)];
        std::size_t at = find(all, pattern.part, 0);
        if (at == std::string_view::npos) {
            return;
        }
        const auto& ends = shape().ends[static_cast<std::size_t>(pattern.text)];
        std::size_t record = 0;
        while (at != std::string_view::npos) {
            while (ends[record] <= at) {
                ++record;
            }
            const std::size_t begin = record == 0 ? 0 : ends[record - 1];
            const std::size_t end = at + pattern.part.size();
            const bool fits = end <= ends[record] && (!pattern.at_begin || at == begin) &&
                              (!pattern.at_end || end == ends[record]);
            if (fits) {
                marks[record] = 1;
            }
            at = find(all, pattern.part, fits ? std::size_t{ends[record]} : at + 1);
        }
    }

private:
    struct Shape {
        std::vector<std::int64_t> ids;
        std::array<std::vector<std::uint32_t>, 2> ends;
    };

    static std::size_t find(std::string_view in, std::string_view part, std::size_t from) {
        const void* hit = from < in.size() ? ::memmem(in.data() + from, in.size() - from,
                                                      part.data(), part.size())
                                           : nullptr;
        return hit == nullptr ? std::string_view::npos
                              : static_cast<std::size_t>(static_cast<const char*>(hit) - in.data());
    }

    /// Most blocks of a search have no match and are never taken apart.
    const Shape& shape() {
        if (!shape_.ids.empty() || count_ == 0) {
            return shape_;
        }
        shape_.ids.resize(count_);
        shape_.ends[0].resize(count_);
        shape_.ends[1].resize(count_);
        std::size_t at = 0;
        std::uint64_t id = static_cast<std::uint64_t>(first_id_);
        std::array<std::uint64_t, 2> ends{};
        for (std::size_t i = 0; i < count_; ++i) {
            id += read_number(lengths_, at);
            shape_.ids[i] = static_cast<std::int64_t>(id);
            for (std::size_t text = 0; text < 2; ++text) {
                ends[text] += read_number(lengths_, at);
                if (ends[text] > texts_[text].size()) {
                    throw StorageError(StorageError::Cause::broken,
                                       "a block of record texts is damaged");
                }
                shape_.ends[text][i] = static_cast<std::uint32_t>(ends[text]);
            }
        }
        if (ends[0] != texts_[0].size() || ends[1] != texts_[1].size()) {
            throw StorageError(StorageError::Cause::broken, "a block of record texts is damaged");
        }
        return shape_;
    }

    std::int64_t first_id_;
    std::size_t count_;
    std::string_view lengths_;
    std::array<std::string_view, 2> texts_;
    Shape shape_;
};

/// Packs records of a task into blocks; the last one is stored by finish().
class Packer {
public:
    Packer(Connection& db, std::int64_t task) : db_(db), task_(task) {}
    /// Records that are in no block yet, ascending by id.
    void add(std::int64_t record, std::string_view device_id, std::string_view device_name);
    void finish();

private:
    Connection& db_;
    std::int64_t task_;
    std::int64_t first_ = 0;
    std::int64_t last_ = 0;
    std::int64_t records_ = 0;
    std::string lengths_, ids_, names_;
};

void Packer::add(std::int64_t record, std::string_view device_id, std::string_view device_name) {
    if (records_ > 0 &&
        (records_ == block_records_max || record <= last_ ||
         ids_.size() + names_.size() + device_id.size() + device_name.size() > block_bytes_max)) {
        finish();
    }
    if (records_ == 0) {
        first_ = last_ = record;
    }
    write_number(lengths_, static_cast<std::uint64_t>(record - last_));
    write_number(lengths_, device_id.size());
    write_number(lengths_, device_name.size());
    ids_ += device_id;
    names_ += device_name;
    last_ = record;
    ++records_;
}

void Packer::finish() {
    if (records_ == 0) {
        return;
    }
    db_.execute(
        "INSERT INTO record_text (task_id, first_id, last_id, records, lengths, device_ids, "
        "device_names) VALUES (?, ?, ?, ?, ?, ?, ?)",
        task_, first_, last_, records_, lengths_, ids_, names_);
    records_ = 0;
    lengths_.clear();
    ids_.clear();
    names_.clear();
}

/// Which records of a block fit.
class Matcher {
public:
    Matcher(Connection& db, std::int64_t task, const TextClauses& clauses) : clauses_(clauses) {
        Rows rows = db.query(
            "SELECT record_id FROM record_text_gone WHERE task_id = ? ORDER BY record_id", task);
        while (rows.next()) {
            gone_.push_back(rows.integer());
        }
    }

    /// Valid until the next call.
    const std::vector<char>& matches(Block& block) {
        marks_.assign(block.count(), clauses_.empty() ? 1 : 0);
        for (std::size_t i = 0; i < clauses_.size(); ++i) {
            std::vector<char>& marks = i == 0 ? marks_ : more_;
            marks.assign(block.count(), 0);
            for (const TextPattern& pattern : clauses_[i]) {
                block.mark(pattern, marks);
            }
            if (i > 0) {
                std::ranges::transform(marks_, more_, marks_.begin(), std::bit_and{});
            }
        }
        if (!gone_.empty()) {
            leave_out_gone(block);
        }
        return marks_;
    }

private:
    void leave_out_gone(Block& block) {
        for (std::size_t i = 0; i < block.count(); ++i) {
            if (marks_[i] != 0 && std::ranges::binary_search(gone_, block.id(i))) {
                marks_[i] = 0;
            }
        }
    }

    const TextClauses& clauses_;
    std::vector<std::int64_t> gone_;
    std::vector<char> marks_, more_;
};

/// Calls `use(block, first_id, last_id)` for the blocks from `from` on in their order, until it
/// answers false.
template <class Use>
void each_block(Connection& db, std::int64_t task, std::int64_t from, const Use& use) {
    Rows rows = db.query(
        "SELECT first_id, last_id, records, lengths, device_ids, device_names FROM record_text "
        "WHERE task_id = ? AND first_id >= ? ORDER BY first_id",
        task, from);
    while (rows.next()) {
        const std::int64_t first = rows.integer();
        const std::int64_t last = rows.integer();
        const std::int64_t records = rows.integer();
        const std::string_view lengths = rows.text_view();
        const std::string_view ids = rows.text_view();
        Block block(first, records, lengths, ids, rows.text_view());
        if (!use(block, first, last)) {
            return;
        }
    }
}

}  // namespace

// By the range of their ids, which is the shortest way to them; between two of them may lie those
// of others.
void pack_record_texts(Connection& db, std::int64_t task, std::vector<std::int64_t> ids) {
    if (ids.empty()) {
        return;
    }
    std::ranges::sort(ids);
    Packer packer(db, task);
    Rows rows = db.query(
        "SELECT id, device_id, device_name FROM upgrade_record WHERE id >= ? AND id <= ? "
        "ORDER BY id",
        ids.front(), ids.back());
    auto expected = ids.begin();
    while (rows.next()) {
        const std::int64_t id = rows.integer();
        while (expected != ids.end() && *expected < id) {
            ++expected;
        }
        if (expected != ids.end() && *expected == id) {
            const std::string_view device = rows.text_view();
            packer.add(id, device, rows.text_view());
        }
    }
    packer.finish();
}

void pack_all_record_texts(Connection& db) {
    std::vector<std::int64_t> tasks;
    {
        Rows rows = db.query(
            "SELECT id FROM upgrade_task WHERE id NOT IN (SELECT task_id FROM record_text) "
            "ORDER BY id");
        while (rows.next()) {
            tasks.push_back(rows.integer());
        }
    }
    for (const std::int64_t task : tasks) {
        Packer packer(db, task);
        Rows rows = db.query(
            "SELECT id, device_id, device_name FROM upgrade_record WHERE task_id = ? ORDER BY id",
            task);
        while (rows.next()) {
            const std::int64_t id = rows.integer();
            const std::string_view device = rows.text_view();
            packer.add(id, device, rows.text_view());
        }
        packer.finish();
    }
}

void forget_record_text(Connection& db, std::int64_t task, std::int64_t record) {
    db.execute(
        "INSERT INTO record_text_gone (task_id, record_id) SELECT id, ? FROM upgrade_task "
        "WHERE id = ? ON CONFLICT DO NOTHING",
        record, task);
}

std::optional<TextMatches> find_texts(Connection& db, std::int64_t task,
                                      const TextClauses& clauses) {
    TextMatches found;
    Matcher matcher(db, task, clauses);
    bool ordered = true;
    std::int64_t before = -1;
    each_block(db, task, 0, [&](Block& block, std::int64_t first, std::int64_t last) {
        ordered = first > before;
        before = last;
        const auto matches = std::ranges::count(matcher.matches(block), 1);
        if (matches > 0) {
            found.blocks.push_back({first, matches});
            found.total += matches;
        }
        return ordered;
    });
    return ordered ? std::optional(std::move(found)) : std::nullopt;
}

std::vector<std::int64_t> matches_between(Connection& db, std::int64_t task,
                                          const TextClauses& clauses, const TextMatches& found,
                                          std::int64_t offset, std::int64_t limit) {
    std::vector<std::int64_t> ids;
    auto begin = found.blocks.begin();
    while (begin != found.blocks.end() && begin->matches <= offset) {
        offset -= begin->matches;
        ++begin;
    }
    if (begin == found.blocks.end() || limit <= 0) {
        return ids;
    }
    Matcher matcher(db, task, clauses);
    const auto wanted = static_cast<std::size_t>(limit);
    // Between two matches of a rare text lie many blocks without any: each is looked up by itself.
    for (auto block_of = begin; block_of != found.blocks.end() && ids.size() < wanted; ++block_of) {
        each_block(db, task, block_of->first_id, [&](Block& block, std::int64_t, std::int64_t) {
            const std::vector<char>& marks = matcher.matches(block);
            for (std::size_t i = 0; i < marks.size() && ids.size() < wanted; ++i) {
                if (marks[i] != 0 && offset-- <= 0) {
                    ids.push_back(block.id(i));
                }
            }
            return false;
        });
    }
    return ids;
}

OrderedMatches first_matches(Connection& db, std::int64_t task, const TextClauses& clauses,
                             const TextOrder& order, std::size_t count) {
    struct Entry {
        std::string text;
        std::int64_t id = 0;
    };
    const auto before = [&](std::string_view a, std::int64_t a_id, std::string_view b,
                            std::int64_t b_id) {
        const int compared = a.compare(b);
        const bool less = compared < 0 || (compared == 0 && a_id < b_id);
        return order.descending ? compared > 0 || (compared == 0 && a_id > b_id) : less;
    };
    const auto earlier = [&](const Entry& a, const Entry& b) {
        return before(a.text, a.id, b.text, b.id);
    };
    std::vector<Entry> heap;  // the last one of those kept is in front
    OrderedMatches result;
    Matcher matcher(db, task, clauses);
    each_block(db, task, 0, [&](Block& block, std::int64_t, std::int64_t) {
        const std::vector<char>& marks = matcher.matches(block);
        for (std::size_t i = 0; i < marks.size(); ++i) {
            if (marks[i] == 0) {
                continue;
            }
            ++result.total;
            const std::string_view text = block.text(order.text, i);
            if (heap.size() == count) {
                if (count == 0 || !before(text, block.id(i), heap.front().text, heap.front().id)) {
                    continue;
                }
                std::ranges::pop_heap(heap, earlier);
                heap.pop_back();
            }
            heap.push_back({std::string(text), block.id(i)});
            std::ranges::push_heap(heap, earlier);
        }
        return true;
    });
    std::ranges::sort_heap(heap, earlier);
    for (const Entry& entry : heap) {
        result.ids.push_back(entry.id);
    }
    return result;
}

}  // namespace updraft::sql
