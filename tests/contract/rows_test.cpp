#include <map>
#include <random>

#include "tests/contract/engine.hpp"
#include "tests/contract/rows.hpp"

// Every repository gives back what was put in, whole, and changes what it says it changes.

namespace updraft::contract {
namespace {

using RowsContract = Contract;
UPDRAFT_ON_EVERY_ENGINE(RowsContract);

TEST_P(RowsContract, Products) {
    const Product product = a_product("p1");
    write([&](UnitOfWork& work) { work.products().add(product); });
    const auto find = [&] {
        return read([](const Repositories& rows) { return rows.products().find(ProductId{"p1"}); });
    };
    EXPECT_EQ(find(), product);
    Product changed = product;
    changed.name = "other";
    changed.enabled = false;
    changed.device_type = DeviceType::children_device;
    changed.configuration.clear();
    write([&](UnitOfWork& work) { work.products().update(changed); });
    EXPECT_EQ(find(), changed);
    write([&](UnitOfWork& work) { work.products().remove(product.id); });
    EXPECT_EQ(find(), std::nullopt);
}

TEST_P(RowsContract, ProductRowsCountTheirDevices) {
    write([&](UnitOfWork& work) {
        work.products().add(a_product("p1"));
        work.products().add(a_product("p2"));
        work.devices().add(a_device("d1"));
        work.devices().add(a_device("d2"));
    });
    const auto page = read([](const Repositories& rows) {
        Query query;
        query.sorts = {{"id", false, nullptr}};
        return rows.products().page(query);
    });
    ASSERT_EQ(page.rows.size(), 2U);
    EXPECT_EQ(page.rows[0].device_count, 2);
    EXPECT_EQ(page.rows[1].device_count, 0);
}

TEST_P(RowsContract, ProtocolPackages) {
    ProtocolPackage package;
    package.id = ProtocolId{"x.v1"};
    package.name = "X";
    package.description = "d";
    package.type = "jar";
    package.enabled = false;
    package.configuration = {{"location", "u"}};
    package.transports = {{"MQTT", {{"supportFirmware", "支持固件升级"}}}, {"HTTP", {}}};
    package.creator = UserId{"u1"};
    package.created_at = at(3);
    write([&](UnitOfWork& work) { work.protocols().add(package); });
    const auto find = [&] {
        return read([&](const Repositories& rows) { return rows.protocols().find(package.id); });
    };
    EXPECT_EQ(find(), package);
    package.enabled = true;
    package.transports.clear();
    write([&](UnitOfWork& work) { work.protocols().update(package); });
    EXPECT_EQ(find(), package);
    EXPECT_EQ(read([](const Repositories& rows) { return rows.protocols().count({}); }), 1);
    write([&](UnitOfWork& work) { work.protocols().remove(package.id); });
    EXPECT_EQ(find(), std::nullopt);
}

class DeviceRows : public Contract {
protected:
    std::optional<Device> find(const std::string& id) const {
        return read([&](const Repositories& rows) { return rows.devices().find(DeviceId{id}); });
    }
};
UPDRAFT_ON_EVERY_ENGINE(DeviceRows);

TEST_P(DeviceRows, AreKeptWhole) {
    Device device = a_device("d1");
    device.parent = DeviceId{"g1"};
    device.address = "10.0.0.1";
    device.online_at = at(10);
    device.offline_at = at(11);
    device.firmware = FirmwareInfo{"1.0", 1, {{"slot", "A"}}, at(12)};
    write([&](UnitOfWork& work) { work.devices().add(device); });
    EXPECT_EQ(find("d1"), device);
    EXPECT_EQ(find("d2"), std::nullopt);
}

TEST_P(DeviceRows, AttributesAreSetAlone) {
    write([](UnitOfWork& work) {
        work.devices().add(a_device("d1"));
        work.devices().set_attributes(DeviceId{"d1"}, {{"mac", "AA:BB"}, {"引号", "\"x\""}});
        Device changed = *work.devices().find(DeviceId{"d1"});
        changed.attributes.clear();  // not what an operator changes
        changed.name = "other";
        work.devices().update(changed);
    });
    const auto device =
        read([](const Repositories& rows) { return rows.devices().find(DeviceId{"d1"}); });
    EXPECT_EQ(device->attributes,
              (std::map<std::string, std::string>{{"mac", "AA:BB"}, {"引号", "\"x\""}}));
    EXPECT_EQ(device->name, "other");
}

TEST_P(DeviceRows, UpdateLeavesTheConnectionAlone) {
    Device device = a_device("d1");
    device.state = DeviceState::online;
    device.address = "10.0.0.1";
    device.online_at = at(10);
    write([&](UnitOfWork& work) { work.devices().add(device); });
    Device changed = device;
    changed.name = "renamed";
    changed.tags = {{"site", "south"}, {"floor", "2"}};
    changed.state = DeviceState::not_active;
    changed.address = "elsewhere";
    changed.online_at.reset();
    write([&](UnitOfWork& work) { work.devices().update(changed); });
    device.name = "renamed";
    device.tags = changed.tags;
    EXPECT_EQ(find("d1"), device);
}

TEST_P(DeviceRows, ChildrenAndCounts) {
    Device child = a_device("c1");
    child.parent = DeviceId{"g1"};
    write([&](UnitOfWork& work) {
        work.devices().add(a_device("g1"));
        work.devices().add(child);
        work.devices().add(a_device("other", "p2"));
    });
    read([&](const Repositories& rows) {
        const auto children = rows.devices().children_of(DeviceId{"g1"});
        ASSERT_EQ(children.size(), 1U);
        EXPECT_EQ(children.front(), child);
        EXPECT_EQ(rows.devices().count_of(ProductId{"p1"}), 2);
        EXPECT_EQ(rows.devices().count_of(ProductId{"p9"}), 0);
    });
    write([&](UnitOfWork& work) { work.devices().remove(DeviceId{"c1"}); });
    EXPECT_EQ(find("c1"), std::nullopt);
}

TEST_P(DeviceRows, StateAndFirmwareAreSetAlone) {
    write([&](UnitOfWork& work) {
        work.devices().add(a_device("d1"));
        work.devices().set_state(DeviceId{"d1"}, DeviceState::not_active);
        work.devices().set_firmware(DeviceId{"d1"}, {"2.0", std::nullopt, {}, at(9)});
    });
    Device expected = a_device("d1");
    expected.state = DeviceState::not_active;
    expected.firmware = FirmwareInfo{"2.0", std::nullopt, {}, at(9)};
    EXPECT_EQ(find("d1"), expected);
}

TEST_P(DeviceRows, PresencePassesOverDevicesThatAreNotActive) {
    Device disabled = a_device("d2");
    disabled.state = DeviceState::not_active;
    write([&](UnitOfWork& work) {
        work.devices().add(a_device("d1"));
        work.devices().add(disabled);
        work.devices().apply_presence({{DeviceId{"d1"}, true, at(20), "10.0.0.9"},
                                       {DeviceId{"d2"}, true, at(20), "10.0.0.9"},
                                       {DeviceId{"gone"}, true, at(20), ""}});
    });
    EXPECT_EQ(find("d1")->state, DeviceState::online);
    EXPECT_EQ(find("d1")->online_at, at(20));
    EXPECT_EQ(find("d1")->address, "10.0.0.9");
    EXPECT_EQ(find("d2"), disabled);
    write([&](UnitOfWork& work) {
        work.devices().apply_presence({{DeviceId{"d1"}, false, at(30), ""}});
    });
    EXPECT_EQ(find("d1")->state, DeviceState::offline);
    EXPECT_EQ(find("d1")->offline_at, at(30));
    EXPECT_EQ(find("d1")->address, "10.0.0.9");
}

// What an overview shows must stay equal to what counting every device would say.
TEST_P(DeviceRows, CountsFollowTheDevicesUnderRandomChanges) {
    std::mt19937 random(20261123);
    const auto pick = [&](int choices) { return static_cast<int>(random() % choices); };
    const auto id = [&] { return DeviceId{"d" + std::to_string(pick(30))}; };
    const auto version = [&] { return "1." + std::to_string(pick(4)); };
    for (int step = 0; step < 400; ++step) {
        write([&](UnitOfWork& work) {
            Devices& devices = work.devices();
            const DeviceId device = id();
            const auto known = devices.find(device);
            const int action = pick(8);
            if (!known) {
                Device added = a_device(device.value, "p" + std::to_string(1 + pick(2)));
                devices.add(added);
            } else if (action == 0) {
                devices.remove(device);
            } else if (action == 1) {
                devices.set_state(device,
                                  pick(2) == 0 ? DeviceState::not_active : DeviceState::online);
            } else if (action == 2) {
                Device moved = *known;
                moved.product = ProductId{"p" + std::to_string(1 + pick(2))};
                moved.firmware.reset();
                devices.update(moved);
            } else if (action <= 4) {
                devices.set_firmware(device, {version(), 1, {}, at(step)});
            } else if (action == 5 && pick(10) == 0) {
                devices.all_offline(at(step));
            } else {
                devices.apply_presence({{device, pick(2) == 0, at(step), "h"},
                                        {id(), pick(2) == 0, at(step), "h"},
                                        {device, pick(2) == 0, at(step), "h"}});
            }
        });
    }
    read([&](const Repositories& rows) {
        DeviceTotals totals;
        std::map<std::string, std::map<std::string, std::int64_t>> versions;
        Query all;
        all.paging = false;
        rows.devices().each(all, [&](const DeviceRow& row) {
            const Device& device = row.device;
            totals.online += device.state == DeviceState::online ? 1 : 0;
            totals.offline += device.state == DeviceState::offline ? 1 : 0;
            totals.not_active += device.state == DeviceState::not_active ? 1 : 0;
            ++versions[device.product.value][device.firmware ? device.firmware->version : ""];
            return true;
        });
        ASSERT_GT(totals.total(), 10);
        EXPECT_EQ(rows.devices().totals().online, totals.online);
        EXPECT_EQ(rows.devices().totals().offline, totals.offline);
        EXPECT_EQ(rows.devices().totals().not_active, totals.not_active);
        for (const ProductVersions& product : rows.devices().largest_products(9, 9)) {
            auto& expected = versions[product.product.value];
            EXPECT_EQ(product.unknown, expected[""]);
            expected.erase("");
            std::map<std::string, std::int64_t> seen;
            for (const auto& each : product.versions) {
                seen[each.version] = each.devices;
            }
            EXPECT_EQ(seen, expected);
        }
    });
}

TEST_P(DeviceRows, TheLargestProductsComeFirstWithTheirMostFrequentVersions) {
    write([&](UnitOfWork& work) {
        work.products().add(a_product("p3"));
        for (int i = 0; i < 10; ++i) {
            Device device = a_device("many-" + std::to_string(i), "p3");
            work.devices().add(device);
            if (i > 0) {
                const char* version = i < 5 ? "1.0" : i < 8 ? "2.0" : i < 9 ? "3.0" : "4.0";
                work.devices().set_firmware(device.id, {version, 1, {}, at(1)});
            }
        }
    });
    const auto products =
        read([](const Repositories& rows) { return rows.devices().largest_products(1, 2); });
    ASSERT_EQ(products.size(), 1U);
    EXPECT_EQ(products[0].product, ProductId{"p3"});
    EXPECT_EQ(products[0].name, "product p3");
    EXPECT_EQ(products[0].total, 10);
    ASSERT_EQ(products[0].versions.size(), 2U);
    EXPECT_EQ(products[0].versions[0].version, "1.0");
    EXPECT_EQ(products[0].versions[0].devices, 4);
    EXPECT_EQ(products[0].versions[1].version, "2.0");
    EXPECT_EQ(products[0].other, 2);
    EXPECT_EQ(products[0].unknown, 1);
}

TEST_P(DeviceRows, AfterAStartNobodyIsOnline) {
    Device online = a_device("d1");
    online.state = DeviceState::online;
    write([&](UnitOfWork& work) {
        work.devices().add(online);
        work.devices().add(a_device("d2"));
        work.devices().all_offline(at(40));
    });
    EXPECT_EQ(find("d1")->state, DeviceState::offline);
    EXPECT_EQ(find("d1")->offline_at, at(40));
    EXPECT_EQ(find("d2"), a_device("d2"));
}

TEST_P(RowsContract, Firmwares) {
    const Firmware firmware = a_firmware("f1", 2);
    write([&](UnitOfWork& work) { work.firmwares().add(firmware); });
    read([&](const Repositories& rows) {
        const Firmwares& firmwares = rows.firmwares();
        EXPECT_EQ(firmwares.find(FirmwareId{"f1"}), firmware);
        EXPECT_EQ(firmwares.find_by_order(ProductId{"p1"}, 2), firmware);
        EXPECT_EQ(firmwares.find_by_order(ProductId{"p2"}, 2), std::nullopt);
        EXPECT_EQ(firmwares.find_by_version(ProductId{"p1"}, "1.2"), firmware);
        EXPECT_EQ(firmwares.find_by_version(ProductId{"p1"}, "1.3"), std::nullopt);
        EXPECT_TRUE(firmwares.any_uses_file(FileId{"f1"}));
        EXPECT_FALSE(firmwares.any_uses_file(FileId{"f2"}));
    });
    Firmware changed = firmware;
    changed.name = "other";
    changed.file.reset();
    changed.properties.clear();
    changed.sign_method = SignMethod::sha256;
    write([&](UnitOfWork& work) { work.firmwares().update(changed); });
    EXPECT_EQ(
        read([](const Repositories& rows) { return rows.firmwares().find(FirmwareId{"f1"}); }),
        changed);
    write([&](UnitOfWork& work) { work.firmwares().remove(FirmwareId{"f1"}); });
    EXPECT_EQ(read([](const Repositories& rows) { return rows.firmwares().count({}); }), 0);
}

// Lists come without them; whatever uses a file keeps it (row 25).
TEST_P(RowsContract, AFirmwareKeepsItsFurtherArtifactsInOrder) {
    Firmware firmware = a_firmware("f1", 2);
    firmware.more_artifacts = {{FileId{"z"}, "os", "kernel", "6.1"},
                               {FileId{"a"}, "bApp", "界面", "2"}};
    const auto find = [&] {
        return read(
            [](const Repositories& rows) { return rows.firmwares().find(FirmwareId{"f1"}); });
    };
    const auto used = [&](const char* file) {
        return read(
            [&](const Repositories& rows) { return rows.firmwares().any_uses_file(FileId{file}); });
    };
    write([&](UnitOfWork& work) { work.firmwares().add(firmware); });
    EXPECT_EQ(find(), firmware);
    EXPECT_TRUE(used("a"));
    EXPECT_FALSE(used("b"));
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.firmwares().find_by_version(ProductId{"p1"}, "1.2"), firmware);
        EXPECT_TRUE(rows.firmwares().page({}).rows.front().more_artifacts.empty());
    });
    firmware.more_artifacts.erase(firmware.more_artifacts.begin());
    write([&](UnitOfWork& work) { work.firmwares().update(firmware); });
    EXPECT_EQ(find(), firmware);
    EXPECT_FALSE(used("z"));
    write([&](UnitOfWork& work) { work.firmwares().remove(FirmwareId{"f1"}); });
    EXPECT_FALSE(used("a"));
}

TEST_P(RowsContract, AVersionOrderIsTakenOnceInAProduct) {
    write([](UnitOfWork& work) { work.firmwares().add(a_firmware("f1", 2)); });
    Firmware same_order = a_firmware("f2", 2);
    same_order.version = "9";
    EXPECT_THROW((void)store_->write([&](UnitOfWork& work) -> Result<void> {
        work.firmwares().add(same_order);
        return {};
    }),
                 StorageError);
    same_order.product = ProductId{"p2"};
    EXPECT_NO_THROW(write([&](UnitOfWork& work) { work.firmwares().add(same_order); }));
}

TEST_P(RowsContract, TheLastOrderWithRoomBehindIt) {
    const auto last = [&](const char* product) {
        return read([&](const Repositories& rows) {
            return rows.firmwares().last_order_with_room(ProductId{product}, 10);
        });
    };
    const auto add = [&](const std::string& id, int order) {
        write([&](UnitOfWork& work) {
            Firmware firmware = a_firmware(id, order);
            firmware.version = id;
            work.firmwares().add(firmware);
        });
    };
    EXPECT_EQ(last("p1"), std::nullopt);
    add("f1", 3);
    add("f2", 4);
    add("f3", 7);
    EXPECT_EQ(last("p1"), 7);
    EXPECT_EQ(last("p2"), std::nullopt);
    add("f4", 10);  // nothing is free behind the limit itself
    add("f5", 9);
    add("f6", 8);
    EXPECT_EQ(last("p1"), 4);
}

TEST_P(RowsContract, StoredFiles) {
    StoredFile file;
    file.id = FileId{"f1"};
    file.name = "fw.bin";
    file.extension = "bin";
    file.size_bytes = 5'000'000'000;
    file.md5 = "m";
    file.sha256 = "s";
    file.access_key = "k";
    file.public_access = true;
    file.temporary = true;
    file.creator = UserId{"u1"};
    file.created_at = at(1);
    StoredFile twin = file;
    twin.id = FileId{"f2"};
    twin.created_at = at(2);
    twin.sha1 = "1";
    StoredFile further = file;
    further.id = FileId{"f3"};
    further.sha256 = "other";
    write([&](UnitOfWork& work) {
        work.files().add(file);
        work.files().add(twin);
        work.files().add(further);
        Firmware parts = a_firmware("parts", 2);
        parts.more_artifacts = {{further.id, "os", "n", "v"}};
        work.firmwares().add(parts);
        work.firmwares().add(a_firmware("fw", 1));  // uses f1
    });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.files().find(FileId{"f1"}), file);
        EXPECT_EQ(rows.files().count_of_artifact("s"), 2);
        EXPECT_EQ(rows.files().unreferenced(at(3), 10), std::vector{twin});
        EXPECT_TRUE(rows.files().unreferenced(at(2), 10).empty());
        EXPECT_TRUE(rows.files().unreferenced(at(3), 0).empty());
        EXPECT_EQ(rows.files().without_sha1(10), (std::vector{file, further}));
        EXPECT_EQ(rows.files().without_sha1(1), std::vector{file});
    });
    twin.name = "renamed.bin";
    twin.public_access = false;
    write([&](UnitOfWork& work) {
        work.files().update(twin);
        work.files().remove(FileId{"f1"});
    });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.files().find(FileId{"f2"}), twin);
        EXPECT_EQ(rows.files().find(FileId{"f1"}), std::nullopt);
    });
}

TEST_P(RowsContract, UsersAndRoles) {
    User user;
    user.id = UserId{"u1"};
    user.username = "admin";
    user.name = "超级管理员";
    user.password_hash = "$argon2id$";
    user.email = "a@b";
    user.telephone = "1";
    user.avatar = "/a.png";
    user.description = "d";
    user.enabled = false;
    user.roles = {RoleId{"r1"}, RoleId{"r2"}};
    user.created_at = at(1);
    Role role{RoleId{"r1"}, "operators", "d", {{"device/Firmware", {"view", "add"}}}, at(2)};
    write([&](UnitOfWork& work) {
        work.users().add(user);
        work.roles().add(role);
    });
    const auto found = [&] {
        return read([](const Repositories& rows) { return rows.users().find(UserId{"u1"}); });
    };
    EXPECT_EQ(found(), user);
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.users().find_by_username("admin"), user);
        EXPECT_EQ(rows.users().find_by_username("Admin"), std::nullopt);
        EXPECT_EQ(rows.roles().find(RoleId{"r1"}), role);
    });
    user.enabled = true;
    user.roles.clear();
    role.grants.clear();
    write([&](UnitOfWork& work) {
        work.users().update(user);
        work.roles().update(role);
    });
    EXPECT_EQ(found(), user);
    EXPECT_EQ(read([](const Repositories& rows) { return rows.roles().find(RoleId{"r1"}); }), role);
    write([&](UnitOfWork& work) {
        work.users().remove(UserId{"u1"});
        work.roles().remove(RoleId{"r1"});
    });
    EXPECT_EQ(found(), std::nullopt);
    EXPECT_EQ(read([](const Repositories& rows) { return rows.roles().count({}); }), 0);
}

TEST_P(RowsContract, Tokens) {
    const auto alive = [&](const std::string& token) {
        return read(
            [&](const Repositories& rows) { return rows.tokens().find(token).has_value(); });
    };
    write([](UnitOfWork& work) {
        work.tokens().add({"a", UserId{"u1"}, seconds(60), at(0)});
        work.tokens().add({"b", UserId{"u1"}, seconds(60), at(0)});
        work.tokens().add({"c", UserId{"u1"}, std::nullopt, at(0)});
        work.tokens().add({"d", UserId{"u2"}, seconds(600), at(0)});
        work.tokens().touch("b", at(30));
        work.tokens().remove_expired(at(60));
    });
    EXPECT_FALSE(alive("a"));
    EXPECT_TRUE(alive("b"));
    EXPECT_TRUE(alive("c"));
    const auto row = read([](const Repositories& rows) { return rows.tokens().find("b"); });
    EXPECT_EQ(row->user, UserId{"u1"});
    EXPECT_EQ(row->idle_timeout, milliseconds(60'000));
    EXPECT_EQ(row->last_used_at, at(30));
    write([](UnitOfWork& work) { work.tokens().shift_last_used(-seconds(20)); });
    EXPECT_EQ(read([](const Repositories& rows) { return rows.tokens().find("b")->last_used_at; }),
              at(10));
    write([](UnitOfWork& work) {
        work.tokens().remove("b");
        work.tokens().remove_all_of(UserId{"u1"});
    });
    EXPECT_FALSE(alive("b"));
    EXPECT_FALSE(alive("c"));
    EXPECT_TRUE(alive("d"));
}

TEST_P(RowsContract, Settings) {
    const UserSetting setting{"1", UserId{"u1"}, "search", "k", "name", "{}", at(1)};
    UserSetting replaced = setting;
    replaced.name = "other";
    write([&](UnitOfWork& work) {
        work.settings().put(setting);
        work.settings().put(replaced);
        work.settings().put_scope("front", {{"title", "T"}});
        work.settings().put_scope("front", {{"title", "U"}, {"x", ""}});
    });
    read([&](const Repositories& rows) {
        const auto settings = rows.settings().of_user(UserId{"u1"}, "search");
        ASSERT_EQ(settings.size(), 1U);
        EXPECT_EQ(settings.front().name, "other");
        EXPECT_EQ(settings.front().content, "{}");
        EXPECT_TRUE(rows.settings().of_user(UserId{"u2"}, "search").empty());
        EXPECT_EQ(rows.settings().scope("front"),
                  (std::map<std::string, std::string>{{"title", "U"}, {"x", ""}}));
        EXPECT_EQ(rows.settings().scope("paths"), std::nullopt);
    });
    write([&](UnitOfWork& work) { work.settings().remove(UserId{"u1"}, "search", "k"); });
    EXPECT_TRUE(read([](const Repositories& rows) {
        return rows.settings().of_user(UserId{"u1"}, "search").empty();
    }));
}

TEST_P(RowsContract, DeviceLogsComeNewestFirstAndAreprunedOldestFirst) {
    write([](UnitOfWork& work) {
        for (int i = 1; i <= 5; ++i) {
            work.device_logs().add({std::to_string(i), DeviceId{i == 3 ? "d2" : "d1"}, "online",
                                    at(i), "c", RecordId{"7"}});
        }
    });
    const auto ids = [&](const std::vector<Term>& terms) {
        return read([&](const Repositories& rows) {
            Query query;
            query.terms = terms;
            std::string all;
            rows.device_logs().each(query, [&](const DeviceLogEntry& entry) {
                EXPECT_EQ(entry.record, RecordId{"7"});
                all += entry.id;
                return true;
            });
            return all;
        });
    };
    EXPECT_EQ(ids({term("deviceId", "d1")}), "5421");
    EXPECT_EQ(ids({term("recordId", "7")}), "54321");
    std::int64_t removed = 0;
    write([&](UnitOfWork& work) { removed = work.device_logs().prune(at(4), 2); });
    EXPECT_EQ(removed, 2);
    EXPECT_EQ(ids({}), "543");
    write([&](UnitOfWork& work) { removed = work.device_logs().prune(at(4), 10); });
    EXPECT_EQ(removed, 1);
    EXPECT_EQ(ids({}), "54");
}

DeviceCredential a_credential(const std::string& id, std::optional<DeviceId> device) {
    DeviceCredential credential;
    credential.id = CredentialId{id};
    credential.kind = CredentialKind::mqtt_key;
    credential.product = ProductId{"p1"};
    credential.device = std::move(device);
    credential.name = "线 3";
    credential.lookup = "lookup of " + id;
    credential.secret = "secret of " + id;
    credential.hint = "t of";
    credential.created_at = at(5);
    credential.creator = UserId{"u1"};
    credential.expires_at = at(500);
    return credential;
}

TEST_P(RowsContract, DeviceCredentials) {
    const DeviceCredential own = a_credential("1", DeviceId{"d1"});
    DeviceCredential shared = a_credential("2", std::nullopt);
    shared.expires_at.reset();
    DeviceCredential newer = a_credential("3", std::nullopt);
    newer.kind = CredentialKind::token;
    newer.lookup = own.lookup;  // taken by another kind: free
    newer.created_at = at(6);
    write([&](UnitOfWork& work) {
        work.products().add(a_product("p1"));
        work.devices().add(a_device("d1"));
        for (const DeviceCredential& each : {own, shared, newer}) {
            work.credentials().add(each);
        }
        work.credentials().set_expiry(shared.id, at(9));
    });
    shared.expires_at = at(9);
    read([&](const Repositories& rows) {
        const DeviceCredentials& credentials = rows.credentials();
        EXPECT_EQ(credentials.find(own.id), own);
        EXPECT_EQ(credentials.find(CredentialId{"4"}), std::nullopt);
        EXPECT_EQ(credentials.find_by_lookup(CredentialKind::mqtt_key, own.lookup), own);
        EXPECT_EQ(credentials.find_by_lookup(CredentialKind::token, own.lookup), newer);
        EXPECT_EQ(credentials.find_by_lookup(CredentialKind::authority, own.lookup), std::nullopt);
        EXPECT_EQ(credentials.of_device(DeviceId{"d1"}), std::vector{own});
        EXPECT_EQ(credentials.of_product(ProductId{"p1"}), (std::vector{newer, shared}));
    });
    DeviceCredential again = a_credential("5", std::nullopt);
    again.lookup = own.lookup;
    EXPECT_THROW((void)store_->write([&](UnitOfWork& work) -> Result<void> {
        work.credentials().add(again);
        return {};
    }),
                 StorageError);
    write([&](UnitOfWork& work) { work.credentials().remove(shared.id); });
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.credentials().of_product(ProductId{"p1"}), std::vector{newer});
    });
}

// Nothing must sign in with what was given to a device or a product that is no more.
TEST_P(RowsContract, CredentialsGoWithTheirOwnersAndMoveWithTheirDevice) {
    write([&](UnitOfWork& work) {
        work.products().add(a_product("p1"));
        work.products().add(a_product("p2"));
        work.devices().add(a_device("d1"));
        work.devices().add(a_device("d2"));
        work.credentials().add(a_credential("1", DeviceId{"d1"}));
        work.credentials().add(a_credential("2", DeviceId{"d2"}));
        work.credentials().add(a_credential("3", std::nullopt));
        Device moved = a_device("d1");
        moved.product = ProductId{"p2"};
        work.devices().update(moved);
        work.devices().remove(DeviceId{"d2"});
        work.products().remove(ProductId{"p1"});
    });
    read([&](const Repositories& rows) {
        const auto own = rows.credentials().find(CredentialId{"1"});
        ASSERT_TRUE(own);
        EXPECT_EQ(own->product, ProductId{"p2"});
        EXPECT_FALSE(rows.credentials().find(CredentialId{"2"}));
        EXPECT_FALSE(rows.credentials().find(CredentialId{"3"}));
    });
}

TEST_P(RowsContract, ApiTokens) {
    ApiToken token;
    token.id = ApiTokenId{"t1"};
    token.token_sha256 = "hash 1";
    token.user = UserId{"u1"};
    token.name = "流水线 \"ci\"";
    token.scopes = {{"firmware-manager", {"query", "save"}}, {"user", {"query"}}};
    token.created_at = at(5);
    token.expires_at = at(500);
    ApiToken other = token;
    other.id = ApiTokenId{"t2"};
    other.token_sha256 = "hash 2";
    other.user = UserId{"u2"};
    other.created_at = at(6);
    other.expires_at = std::nullopt;
    write([&](UnitOfWork& work) {
        work.api_tokens().add(token);
        work.api_tokens().add(other);
        work.api_tokens().touch("hash 1", at(7));
    });
    token.last_used_at = at(7);
    read([&](const Repositories& rows) {
        EXPECT_EQ(rows.api_tokens().find(token.id), token);
        EXPECT_EQ(rows.api_tokens().find_by_hash("hash 2"), other);
        EXPECT_EQ(rows.api_tokens().find_by_hash("hash 3"), std::nullopt);
        EXPECT_EQ(rows.api_tokens().of_user(UserId{"u1"}), std::vector{token});
        EXPECT_EQ(rows.api_tokens().all(), (std::vector{other, token}));
    });
    write([&](UnitOfWork& work) {
        work.api_tokens().remove(token.id);
        work.api_tokens().remove_all_of(UserId{"u2"});
    });
    EXPECT_TRUE(read([](const Repositories& rows) { return rows.api_tokens().all(); }).empty());
}

}  // namespace
}  // namespace updraft::contract
