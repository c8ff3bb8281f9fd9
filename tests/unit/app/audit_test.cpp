#include "app/audit.hpp"

#include <gtest/gtest.h>
#include <boost/json/parse.hpp>
#include <type_traits>

#include "app/audit_chain.hpp"
#include "tests/support/app_world.hpp"

namespace updraft {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

class AuditTest : public testing::Test {
protected:
    [[nodiscard]] std::vector<AuditEntry> entries() const {
        std::vector<AuditEntry> all;
        world_.store->read([&](const Repositories& rows) {
            rows.audit().each_after(0, [&](const AuditEntry& entry) {
                all.push_back(entry);
                return true;
            });
        });
        return all;
    }
    [[nodiscard]] AuditCheck check(const std::optional<AuditLink>& noted = std::nullopt) const {
        return world_.store->read(
            [&](const Repositories& rows) { return check_chain(rows.audit(), noted); });
    }
    [[nodiscard]] static Actor does(std::string_view action) { return {AppWorld::admin(), action}; }

    AppWorld world_;
};

// The form on disk: a change of it would break every log that is out there.
TEST(AuditChain, TheCanonicalFormIsNetstringsInAFixedOrder) {
    AuditEntry entry;
    entry.seq = 7;
    entry.at = from_millis(1'700'000'000'000);
    entry.username = "管理员";
    entry.via = AuditVia::session;
    entry.action = "task.stop";
    EXPECT_EQ(canonical_form("ab", entry),
              "15:updraft-audit-1,2:ab,1:7,13:1700000000000,0:,9:管理员,7:session,0:,0:,0:,0:,"
              "9:task.stop,0:,0:,0:,4:done,0:,0:,0:,");
}

TEST_F(AuditTest, TheFirstAdministratorHasATimeThoughNobodyAsked) {
    ASSERT_TRUE(world_.access.start("correct horse"));
    ASSERT_EQ(entries().size(), 1U);
    EXPECT_EQ(entries().front().action, "user.create");
    EXPECT_EQ(entries().front().at, world_.clock.now());
}

TEST_F(AuditTest, EntriesAreNumberedAndChained) {
    world_.add_product();
    world_.add_device("d1");
    const auto all = entries();
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].seq, 1);
    EXPECT_EQ(all[1].seq, 2);
    EXPECT_EQ(all[0].hash, chained_hash(AuditLink{}.hash, all[0]));
    EXPECT_EQ(all[1].hash, chained_hash(all[0].hash, all[1]));
    EXPECT_FALSE(check().broken);
    EXPECT_EQ(check().head.last, (AuditLink{2, all[1].hash}));
}

// A note refers to its actor.
static_assert(std::is_constructible_v<AuditNote, const Actor&>);
static_assert(!std::is_constructible_v<AuditNote, Actor>);

// One cannot be there without the other.
TEST_F(AuditTest, AChangeThatIsRolledBackLeavesNoEntry) {
    (void)world_.store->write([&](UnitOfWork& work) -> Result<void> {
        const Actor by = does("role.create");
        AuditNote note(by);
        note.write(work);
        return Error::of(ErrorCode::conflict, Text());
    });
    EXPECT_TRUE(entries().empty());
    EXPECT_FALSE(check().broken);
}

TEST_F(AuditTest, ASecretShowsThatItChangedAndNeverItself) {
    world_.add_product();
    ProductForm form;
    form.id = ProductId{"p1"};
    form.configuration = Configuration{{"secureId", "test"}, {"secureKey", "canary"}};
    const Actor by = does("product.update");
    ASSERT_TRUE(world_.products.replace(form, by));
    EXPECT_TRUE(by.noted);
    const AuditEntry entry = entries().back();
    EXPECT_EQ(entry.before.find("canary"), std::string::npos);
    EXPECT_EQ(entry.after.find("canary"), std::string::npos);
    const json::value after = json::parse(entry.after);
    EXPECT_EQ(after.at("configuration").at("secureId"), "***");
    EXPECT_EQ(after.at("configuration").at("secureKey"), "*** (changed)");
    EXPECT_EQ(entry.action, "product.update");
    EXPECT_EQ(entry.object_type, "product");
    EXPECT_EQ(entry.object_id, "p1");
}

TEST_F(AuditTest, ManyObjectsAreOneEntryWithTheirFirstIds) {
    world_.add_product();
    std::vector<DeviceForm> forms;
    for (int i = 0; i < 30; ++i) {
        forms.push_back(AppWorld::device_form("d" + std::to_string(i)));
    }
    ASSERT_TRUE(world_.devices.add(forms, does("device.create")));
    ASSERT_EQ(entries().size(), 2U);
    const json::value after = json::parse(entries().back().after);
    EXPECT_EQ(after.at("count"), 30);
    EXPECT_EQ(after.at("firstIds").as_array().size(), 10U);
    EXPECT_EQ(entries().back().object_id, "");
}

TEST_F(AuditTest, ALongEntryIsCutAndSaysSo) {
    Actor by = does("role.create");
    by.entry_bytes_max = 2'000;
    Role role;
    role.id = RoleId{"r"};
    role.description = std::string(5'000, 'x');
    AuditNote note(by);
    note.added(role);
    const AuditEntry entry = note.entry();
    EXPECT_LE(entry.after.size(), 1'000U);
    EXPECT_TRUE(json::parse(entry.after).at("cut").as_bool());
}

TEST_F(AuditTest, RefusalsAreLimitedAndTheNextEntryTellsHowManyWereDropped) {
    AuditOptions options;
    options.refusals_per_minute = 3;
    AuditService audit(*world_.store, world_.clock, options);
    Actor stranger = does("session.sign_in");
    stranger.via = AuditVia::nobody;
    for (int i = 0; i < 10; ++i) {
        audit.refused(stranger, "", "illegal_password");
    }
    EXPECT_EQ(entries().size(), 3U);
    EXPECT_EQ(audit.refusals_not_stored(), 7U);
    Actor person = does("role.delete");
    person.via = AuditVia::session;
    audit.refused(person, "r1", "not_found");  // a limit of its own
    ASSERT_EQ(entries().size(), 4U);
    EXPECT_EQ(entries().back().object_id, "r1");
    EXPECT_EQ(entries().back().outcome, AuditOutcome::refused);

    world_.clock.advance(20s);
    audit.refused(stranger, "", "illegal_password");
    ASSERT_EQ(entries().size(), 5U);
    EXPECT_EQ(json::parse(entries().back().after).at("refusalsNotStored"), 7);
}

TEST_F(AuditTest, PruningKeepsTheLastEntryAndTheRestVerifies) {
    const auto act = [&] {
        Actor by = does("role.create");
        by.at = world_.clock.now();
        (void)world_.store->write([&](UnitOfWork& work) -> Result<void> {
            AuditNote(by).write(work);
            return {};
        });
    };
    for (int i = 0; i < 5; ++i) {
        act();
    }
    world_.clock.advance(24h * 10);
    act();
    AuditOptions options;
    AuditService keeps(*world_.store, world_.clock, options);
    EXPECT_FALSE(keeps.prune());
    EXPECT_EQ(entries().size(), 6U);

    options.keep_days = 5;
    AuditService prunes(*world_.store, world_.clock, options);
    EXPECT_FALSE(prunes.prune());
    ASSERT_EQ(entries().size(), 2U);  // the newest, and the pruning itself
    EXPECT_EQ(entries().front().seq, 6);
    EXPECT_EQ(entries().back().action, "audit.prune");
    EXPECT_FALSE(check().broken);
    EXPECT_EQ(check().head.anchor.seq, 5);
}

TEST_F(AuditTest, AHeadThatWasNotedElsewhereMustStillBeThere) {
    world_.add_product();
    world_.add_device("d1");
    const AuditLink noted = check().head.last;
    EXPECT_FALSE(check(noted).broken);
    EXPECT_EQ(check(AuditLink{2, std::string(64, 'a')}).broken->seq, 2);
    EXPECT_EQ(check(AuditLink{9, noted.hash}).broken->seq, 3);
}

}  // namespace
}  // namespace updraft
