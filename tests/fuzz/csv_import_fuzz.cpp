// A CSV file of devices: read in the same lines after it was written again, and imported into the
// real schema. Every line is accounted for, and what is stored can be read back.
#include "app/csv.hpp"
#include "base/bytes.hpp"
#include "cli/csv.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/support/whole_world.hpp"

namespace updraft::fuzz {
namespace {

/// What is written is read as it was, whatever the cells hold.
void write_and_read(std::string_view text) {
    csv::Reader reader(text);
    std::string written(csv::byte_order_mark);
    std::vector<std::vector<std::string>> lines;
    std::size_t number = 0;
    while (const std::optional<csv::Line> line = reader.next()) {
        UPDRAFT_ASSERT(line->number >= number && !line->cells.empty());
        UPDRAFT_ASSERT(line->cells.size() <= csv::cells_max + 1);
        number = line->number;
        if (line->cells.size() > 1 || !line->cells.front().empty()) {
            csv::append_line(written, line->cells);
            lines.push_back(line->cells);
        }
    }
    csv::Reader again(written);
    for (const std::vector<std::string>& cells : lines) {
        const std::optional<csv::Line> line = again.next();
        UPDRAFT_ASSERT(line && line->well_formed && line->cells == cells);
    }
    UPDRAFT_ASSERT(!again.next());
    (void)cli::parse_csv(text);
    if (const auto pairs = csv::pairs_in(text)) {
        UPDRAFT_ASSERT(csv::pairs_in(csv::pairs(*pairs)) == pairs);
    }
}

void import(WholeWorld& world, std::string_view text, const ImportMode& mode) {
    const auto report = world.imports.run(text, mode, AppWorld::admin());
    if (!report) {
        return;
    }
    UPDRAFT_ASSERT(report->lines ==
                   report->added + report->updated + report->unchanged + report->refused_count);
    for (const RefusedLine& line : report->refused) {
        UPDRAFT_ASSERT(is_utf8(line.text));
        UPDRAFT_ASSERT(is_utf8(line.id));
        UPDRAFT_ASSERT(is_utf8(line.message.en) && is_utf8(line.message.zh));
    }
    world.store->read([&](const Repositories& rows) {
        Query all;
        all.paging = false;
        std::int64_t devices = 0;
        rows.devices().each(all, [&](const DeviceRow& row) {
            const Device& device = row.device;
            UPDRAFT_ASSERT(is_utf8(device.name) && !device.id.value.empty());
            ++devices;
            return true;
        });
        UPDRAFT_ASSERT(devices == 2 + (report->dry_run ? 0 : report->added));
    });
}

}  // namespace

UPDRAFT_FUZZ_TARGET(csv_import) {
    static WholeWorld world(UpgradeMode::push);
    if (input.empty()) {
        return;
    }
    const auto choices = static_cast<unsigned char>(input.front());
    const std::string_view text = input.substr(1);
    write_and_read(text);
    ImportMode mode;
    mode.product = choices % 2 == 0 ? ProductId{"p1"} : ProductId{};
    mode.existing =
        choices / 2 % 2 == 0 ? ImportMode::Existing::update : ImportMode::Existing::refuse;
    mode.activation =
        choices / 4 % 2 == 0 ? ImportMode::Activation::enable : ImportMode::Activation::none;
    mode.effect = choices / 8 % 2 == 0 ? ImportMode::Effect::store : ImportMode::Effect::try_only;
    world.tried([&] { import(world, text, mode); });
}

}  // namespace updraft::fuzz
