#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "app/query.hpp"
#include "tests/support/upgrade_world.hpp"

namespace updraft {
namespace {

using enum RecordState;

struct TaskForm : testing::Test {
    void SetUp() override {
        firmware = w.add_firmware("1.1", 2);
        w.add_device("d1");
        w.add_device("d2", "p1", std::nullopt, DeviceState::not_active);
        w.add_device("d3");
        w.change([](UnitOfWork& work) {
            Product other = a_product();
            other.id = ProductId{"p2"};
            work.products().add(other);
        });
        w.add_device("x1", "p2");
    }
    Result<TaskRow> create(const NewTask& request) { return w.tasks.create(request, w.person()); }
    NewTask with_terms(const std::string& json) {
        NewTask request = w.form(firmware, UpgradeMode::push);
        request.task.release_type = ReleaseType::part;
        request.terms = parse_terms(boost::json::parse(json)).value();
        request.task.terms = json;
        return request;
    }
    UpgradeWorld w;
    FirmwareId firmware;
};

TEST_F(TaskForm, Row41AnEmptySetIsRefused) {
    NewTask nobody = w.form(firmware, UpgradeMode::push);
    nobody.task.release_type = ReleaseType::part;
    EXPECT_EQ(create(nobody).error().message.zh, "请选择设备");
    nobody.devices.emplace();
    EXPECT_EQ(create(nobody).error().message.zh, "请选择设备");
    EXPECT_EQ(create(with_terms(R"([{"column":"name","termType":"like","value":"%zzz%"}])"))
                  .error()
                  .message.zh,
              "请选择设备");
}

TEST_F(TaskForm, Row41ForeignAndUnknownDevicesAreNamed) {
    const auto refused = create(w.form(firmware, UpgradeMode::push, {"d1", "x1", "ghost"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::invalid_argument);
    EXPECT_NE(refused.error().message.en.find("x1"), std::string::npos);
    EXPECT_NE(refused.error().message.en.find("ghost"), std::string::npos);
    EXPECT_EQ(refused.error().message.en.find("d1"), std::string::npos);
}

// The form shows what a task would meet while it is being filled in: ids from a pasted list may be
// wrong, and a filter may match nothing yet.
TEST_F(TaskForm, APreviewReportsWhatCreateRefusesAndMakesNothing) {
    NewTask request = w.form(firmware, UpgradeMode::push, {"d1", "x1", "ghost", "d1"});
    request.task.name.clear();

    const auto seen = w.tasks.preview(request);

    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->total, 1);
    EXPECT_EQ(seen->unknown, (std::vector{DeviceId{"ghost"}, DeviceId{"x1"}}));
    EXPECT_EQ(
        w.tasks.preview(with_terms(R"([{"column":"name","termType":"like","value":"zz"}])"))->total,
        0);
    EXPECT_EQ(w.tasks.preview(w.form(firmware, UpgradeMode::push))->total, 3);
    EXPECT_EQ(w.store->read([](const Repositories& rows) { return rows.tasks().count({}); }), 0);
}

TEST_F(TaskForm, APreviewRefusesABrokenForm) {
    NewTask nobody = w.form(firmware, UpgradeMode::push);
    nobody.task.release_type = ReleaseType::part;
    EXPECT_EQ(w.tasks.preview(nobody).error().message.zh, "请选择设备");
    NewTask no_time = w.form(firmware, UpgradeMode::push);
    no_time.task.upgrade_timeout = seconds{0};
    EXPECT_EQ(w.tasks.preview(no_time).error().fields.at(0).property, "timeoutSeconds");
    EXPECT_EQ(w.tasks.preview(w.form(FirmwareId{"nope"}, UpgradeMode::push))
                  .error()
                  .fields.at(0)
                  .property,
              "firmwareId");
    EXPECT_FALSE(w.tasks.preview(with_terms(R"([{"column":"nope","value":"1"}])")));
}

TEST_F(TaskForm, Row42AllIsASnapshotWithDisabledAndOfflineDevices) {
    const auto created = create(w.form(firmware, UpgradeMode::push));
    ASSERT_TRUE(created);
    EXPECT_EQ(created->counts.waiting, 3);
    EXPECT_TRUE(created->task.devices.empty());
    w.add_device("d9");
    EXPECT_EQ(w.counts(created->task.id).total(), 3);
}

TEST_F(TaskForm, Row43RecordsAppearAtOnce) {
    const auto created = create(w.form(firmware, UpgradeMode::pull, {"d1", "d3", "d1"}));
    ASSERT_TRUE(created) << created.error().message.en;
    EXPECT_EQ(created->counts.total(), 2);
    const UpgradeRecord record = w.record("d1", created->task.id);
    EXPECT_EQ(record.state, waiting);
    EXPECT_EQ(record.target_version, "1.1");
    EXPECT_EQ(record.attempt, 1);
    EXPECT_EQ(record.upgrade_timeout, seconds{600});
    EXPECT_EQ(created->task.devices.size(), 2U);
}

TEST_F(TaskForm, Row38TermsChooseDevicesOfTheProduct) {
    EXPECT_EQ(create(with_terms("[]"))->counts.total(), 3);
    const auto named =
        create(with_terms(R"([{"column":"id","termType":"in","value":["d1","d3"]}])"));
    ASSERT_TRUE(named) << named.error().message.en;
    EXPECT_EQ(named->counts.total(), 2);
    EXPECT_EQ(named->task.devices.size(), 2U);
    EXPECT_EQ(
        create(with_terms(R"([{"terms":[{"column":"name","termType":"like","value":"%d3%"}]}])"))
            ->task.devices,
        std::vector{DeviceId{"d3"}});
    NewTask both = with_terms(R"([{"column":"name","termType":"like","value":"%d3%"}])");
    both.devices = {DeviceId{"d1"}, DeviceId{"d3"}};
    EXPECT_EQ(create(both)->counts.total(), 1);
}

// Gap 29: a column that does not exist must not choose every device.
TEST_F(TaskForm, AnUnknownColumnIsRefusedByName) {
    const auto refused = create(with_terms(R"([{"column":"nosuch","value":"x"}])"));
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message.en.find("nosuch"), std::string::npos);
}

TEST_F(TaskForm, AProductWithoutFirmwareSupportIsRefused) {
    w.change([](UnitOfWork& work) {
        Product product = *work.products().find(ProductId{"p1"});
        product.transport_protocol = "TCP";
        work.products().update(product);
    });
    EXPECT_EQ(create(w.form(firmware, UpgradeMode::push)).error().fields.at(0).property,
              "productId");
}

TEST_F(TaskForm, DeletionIsRefusedWhileSomethingRunsUnlessForced) {
    const TaskId task = w.create_task(firmware, UpgradeMode::push);
    const auto refused = w.tasks.remove(task, TaskService::Removal::only_idle);
    EXPECT_EQ(refused.error().message.zh, "存在等待升级或升级中的设备，不可删除");
    EXPECT_TRUE(w.tasks.remove(task, TaskService::Removal::forced));
    EXPECT_EQ(w.tasks.remove(task, TaskService::Removal::forced).error().code,
              ErrorCode::not_found);
}

// T16b: running devices are stopped only when the state is named; deletion of single records.
TEST_F(TaskForm, StopTouchesProcessingOnlyWhenItIsNamed) {
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1", "d3"});
    w.apply_to("d1", task, event::Dispatched{"M", "n"});
    EXPECT_EQ(w.tasks.stop(task, {waiting}).value(), 1);
    EXPECT_EQ(w.state("d1", task), processing);
    const RecordId running = w.record("d1", task).id;
    EXPECT_EQ(w.records.remove(running).error().code, ErrorCode::conflict);
    EXPECT_EQ(w.tasks.stop(task, {waiting, processing}).value(), 1);
    EXPECT_EQ(w.state("d1", task), canceled);
    EXPECT_TRUE(w.records.remove(running));
    EXPECT_EQ(w.counts(task).total(), 1);
    EXPECT_EQ(w.tasks.stop(TaskId{"none"}, {waiting}).error().code, ErrorCode::not_found);
}

TEST_F(TaskForm, StartSkipsWhatHasSucceeded) {
    const TaskId task = w.create_task(firmware, UpgradeMode::push, {"d1", "d3"});
    w.say("d1", w.success_of("1.1"));
    w.say("d3", w.failure_of("1.1", "x"));
    ASSERT_EQ(w.state("d1", task), success);
    (void)w.tasks.stop(task, {waiting});
    EXPECT_EQ(w.tasks.start(task, {canceled, failed, success}).value(), 1);
    EXPECT_EQ(w.state("d1", task), success);
    EXPECT_EQ(w.record("d3", task).attempt, 2);
}

}  // namespace
}  // namespace updraft
