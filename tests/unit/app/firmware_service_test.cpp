#include <gtest/gtest.h>

#include "tests/support/upgrade_world.hpp"

// Rows 18-25 of the specification's checklist: what the server holds the firmware form to.
namespace updraft {
namespace {

struct FirmwareForm : testing::Test {
    UpgradeWorld w;

    static Firmware form(const std::string& version = "1.1", int order = 2) {
        Firmware firmware = a_firmware();
        firmware.version = version;
        firmware.version_order = order;
        firmware.url = "http://cdn.example/fw.bin";
        return firmware;
    }
    Result<Firmware> create(const Firmware& firmware) {
        auto created = w.firmwares.create({{{},
                                            [&](Firmware& target) -> Result<void> {
                                                target = firmware;
                                                return {};
                                            }}},
                                          w.person());
        if (!created) {
            return created.error();
        }
        return created->front();
    }
    Result<Firmware> change(const FirmwareId& id, const std::function<void(Firmware&)>& edit) {
        return w.firmwares.change({id, [&](Firmware& target) -> Result<void> {
                                       edit(target);
                                       return {};
                                   }});
    }
    StoredFile upload(const std::string& bytes) {
        auto upload = w.files.begin();
        EXPECT_TRUE(upload.write(bytes));
        return upload.finish({"fw.bin", "", false, false}, w.person()).value();
    }
    static std::string zh(const Result<Firmware>& refused) { return refused.error().message.zh; }
};

TEST_F(FirmwareForm, Row18BrokenRulesAreRefusedWithTheFormsText) {
    Firmware nameless = form();
    nameless.name.clear();
    EXPECT_EQ(zh(create(nameless)), "请输入名称");
    EXPECT_EQ(create(form("1.1", 100'000)).error().fields.at(0).property, "versionOrder");
}

TEST_F(FirmwareForm, Row8TheProductHasToExistBeEnabledAndSupportFirmware) {
    Firmware firmware = form();
    firmware.product = ProductId{"nope"};
    EXPECT_EQ(create(firmware).error().fields.at(0).property, "productId");
    w.change([](UnitOfWork& work) {
        Product tcp = a_product();
        tcp.id = ProductId{"tcp"};
        tcp.name = "TCP-1";
        tcp.transport_protocol = "TCP";
        work.products().add(tcp);
        Product disabled = a_product();
        disabled.id = ProductId{"off"};
        disabled.enabled = false;
        work.products().add(disabled);
    });
    firmware.product = ProductId{"tcp"};
    EXPECT_NE(create(firmware).error().message.en.find("TCP-1"), std::string::npos);
    firmware.product = ProductId{"off"};
    EXPECT_FALSE(create(firmware));
}

TEST_F(FirmwareForm, Row19OrderAndVersionAreUniqueInTheProduct) {
    const Firmware first = create(form()).value();
    EXPECT_EQ(zh(create(form("1.2", 2))), "版本序号已存在");
    EXPECT_EQ(create(form("1.1", 3)).error().code, ErrorCode::duplicate_key);
    EXPECT_TRUE(w.firmwares.order_is_taken(ProductId{"p1"}, 2));
    EXPECT_FALSE(w.firmwares.order_is_taken(ProductId{"p1"}, 3));
    EXPECT_TRUE(change(first.id, [](Firmware& f) { f.name = "again"; }));  // its own value is free
}

TEST_F(FirmwareForm, Row20AnOwnFileIsHeldToItsDigest) {
    const StoredFile file = upload("hello firmware");
    EXPECT_EQ(file.md5, "5d99b396caab4bfae4e25207b62b30e2");
    Firmware firmware = form();
    firmware.size_bytes = 1;
    for (const std::string start : {"http://h:8848/api/file/", "/file/", "/api/file/", "file/"}) {
        firmware.url = start + file.id.value + ".bin?accessKey=" + file.access_key;
        firmware.sign = file.md5;
        auto created = create(firmware);
        ASSERT_TRUE(created) << start << created.error().message.en;
        EXPECT_EQ(created->size_bytes, 14) << start;
        EXPECT_EQ(created->file, file.id);
        ASSERT_TRUE(w.firmwares.remove(created->id));
    }
    firmware.sign = std::string(32, '0');
    const auto refused = create(firmware);
    EXPECT_TRUE(zh(refused).starts_with("签名不一致，请检查文件是否上传正确"));
    EXPECT_NE(refused.error().message.en.find(file.md5), std::string::npos);
    EXPECT_NE(refused.error().message.en.find(firmware.sign), std::string::npos);
}

TEST_F(FirmwareForm, Row20AnOwnFileThatIsNotThereOrHasAnotherKeyIsRefused) {
    const StoredFile file = upload("hello firmware");
    Firmware firmware = form();
    firmware.url = "/file/" + std::string(32, 'a') + "?accessKey=" + file.access_key;
    EXPECT_EQ(create(firmware).error().fields.at(0).property, "url");
    firmware.url = "/file/" + file.id.value + "?accessKey=" + std::string(32, 'b');
    EXPECT_EQ(create(firmware).error().fields.at(0).property, "url");
}

TEST_F(FirmwareForm, Row20AForeignUrlIsTakenAsGiven) {
    Firmware firmware = form();
    firmware.url = "https://cdn.example/file/" + std::string(32, 'a') + "?accessKey=1";
    firmware.size_bytes = 77;
    const auto created = create(firmware);
    ASSERT_TRUE(created);
    EXPECT_EQ(created->size_bytes, 77);
    EXPECT_FALSE(created->file);
}

TEST_F(FirmwareForm, Row22SignIsLowerCased) {
    Firmware firmware = form();
    firmware.sign = "5D99B396CAAB4BFAE4E25207B62B30E2";
    EXPECT_EQ(create(firmware)->sign, "5d99b396caab4bfae4e25207b62b30e2");
    firmware.sign = "abc";
    EXPECT_FALSE(create(firmware));
}

TEST_F(FirmwareForm, Row23MembersAreFrozenWhileRecordsAreActive) {
    w.add_device("d1");
    const FirmwareId id = w.add_firmware("1.1", 2);
    const TaskId task = w.create_task(id, UpgradeMode::push);

    const auto refused = change(id, [](Firmware& f) { f.version_order = 9; });
    EXPECT_EQ(zh(refused), "当前固件下存在进行中的升级任务，不可修改");
    EXPECT_EQ(refused.error().code, ErrorCode::conflict);
    EXPECT_TRUE(change(id, [](Firmware& f) { f.description = "new"; }));

    ASSERT_EQ(w.tasks.stop(task, {RecordState::waiting}).value(), 1);
    EXPECT_TRUE(change(id, [](Firmware& f) { f.version_order = 9; }));
}

TEST_F(FirmwareForm, Row24AFirmwareWithTasksStays) {
    w.add_device("d1");
    const FirmwareId id = w.add_firmware("1.1", 2);
    const TaskId task = w.create_task(id, UpgradeMode::push);
    (void)w.tasks.stop(task, {RecordState::waiting});

    const auto refused = w.firmwares.remove(id);

    ASSERT_FALSE(refused);
    EXPECT_EQ(zh(refused), "当前固件下已有升级任务，不可删除");
    ASSERT_EQ(refused.error().references.size(), 1U);
    EXPECT_EQ(refused.error().references[0].reference_id, task.value);
    ASSERT_TRUE(w.tasks.remove(task, TaskService::Removal::only_idle));
    EXPECT_TRUE(w.firmwares.remove(id));
}

// The form's default must be an order that the server then takes.
TEST_F(FirmwareForm, TheNextOrderIsFreeAndBehindTheGreatest) {
    const ProductId product{"p1"};
    EXPECT_EQ(w.firmwares.next_order(product).value(), 1);
    ASSERT_TRUE(create(form("1.5", 5)));
    EXPECT_EQ(w.firmwares.next_order(product).value(), 6);
    ASSERT_TRUE(create(form("9.9", 99'999)));
    EXPECT_EQ(w.firmwares.next_order(product).value(), 6);
    EXPECT_TRUE(create(form("1.6", 6)));
    EXPECT_EQ(w.firmwares.next_order(ProductId{"nope"}).error().code, ErrorCode::not_found);
}

TEST_F(FirmwareForm, Row25UnreferencedFilesGoAfterADay) {
    const StoredFile used = upload("used bytes");
    const StoredFile unused = upload("unused bytes");
    Firmware firmware = form();
    firmware.url = "/file/" + used.id.value + "?accessKey=" + used.access_key;
    firmware.sign = used.md5;
    ASSERT_TRUE(create(firmware));
    EXPECT_EQ(w.files.collect().files, 0U);
    w.clock.advance(std::chrono::hours{25});

    EXPECT_EQ(w.files.collect().files, 1U);

    EXPECT_TRUE(w.files.open(used.id, used.access_key, false));
    EXPECT_EQ(w.files.open(unused.id, unused.access_key, false).error().code, ErrorCode::not_found);
    EXPECT_EQ(w.artifacts.count(), 1U);
}

TEST_F(FirmwareForm, ABatchIsAllOrNothing) {
    const auto edit = [](std::string version, int order) {
        return [version, order](Firmware& target) -> Result<void> {
            target = form(version, order);
            return {};
        };
    };
    EXPECT_FALSE(w.firmwares.create({{{}, edit("1", 1)}, {{}, edit("2", 1)}}, w.person()));
    EXPECT_FALSE(w.firmwares.order_is_taken(ProductId{"p1"}, 1));
    const auto saved = w.firmwares.save({{{}, edit("1", 1)}, {{}, edit("2", 2)}}, w.person());
    EXPECT_EQ(saved->added, 2);
}

TEST_F(FirmwareForm, FurtherArtifactsAreFilesOfOurs) {
    const StoredFile file = upload("second image");
    Firmware firmware = form();
    firmware.more_artifacts = {{file.id, "bApp", "", ""}, {FileId{"none"}, "os", "n", "v"}};

    const auto refused = create(firmware);
    firmware.more_artifacts.pop_back();
    const Firmware created = create(firmware).value();

    EXPECT_EQ(refused.error().fields.at(0).property, "moreArtifacts[1].fileId");
    // Named after the file, of the firmware's version, unless the form says it.
    EXPECT_EQ(created.more_artifacts,
              (std::vector<FirmwareArtifact>{{file.id, "bApp", "fw.bin", "1.1"}}));
    firmware = form("1.2", 3);
    firmware.more_artifacts.assign(firmware_artifacts_max + 1, {file.id, "os", "n", "v"});
    EXPECT_EQ(create(firmware).error().fields.at(0).property, "moreArtifacts");
}

TEST_F(FirmwareForm, FilesOfFurtherArtifactsAreKeptAndNotReplaced) {
    const StoredFile file = upload("second image");
    Firmware firmware = form();
    firmware.more_artifacts = {{file.id, "os", "n", "v"}};
    const Firmware created = create(firmware).value();
    w.clock.advance(std::chrono::hours{25});

    EXPECT_EQ(w.files.collect().files, 0U);
    EXPECT_EQ(w.files.begin_replacement(file.id).error().code, ErrorCode::conflict);

    ASSERT_TRUE(change(created.id, [](Firmware& f) { f.more_artifacts.clear(); }));
    EXPECT_TRUE(w.files.begin_replacement(file.id));
    EXPECT_EQ(w.files.collect().files, 1U);
}

TEST_F(FirmwareForm, Row23FurtherArtifactsAreFrozenToo) {
    w.add_device("d1");
    const StoredFile file = upload("second image");
    const FirmwareId id = w.add_firmware("1.1", 2);
    ASSERT_TRUE(change(id, [&](Firmware& f) { f.more_artifacts = {{file.id, "os", "n", "v"}}; }));
    (void)w.create_task(id, UpgradeMode::push);

    EXPECT_EQ(change(id, [](Firmware& f) { f.more_artifacts.clear(); }).error().code,
              ErrorCode::conflict);
    EXPECT_EQ(change(id, [](Firmware& f) { f.part = "bApp"; }).error().code, ErrorCode::conflict);
    EXPECT_TRUE(change(id, [](Firmware& f) { f.name = "new"; }));
}

}  // namespace
}  // namespace updraft
