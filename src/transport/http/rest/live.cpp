#include "transport/http/rest/live.hpp"

#include <boost/json/serialize.hpp>

#include "app/access_service.hpp"
#include "transport/http/rest/records.hpp"
#include "transport/http/rest/tasks.hpp"

namespace updraft::rest {
namespace {

/// What one client of /events asked for and may see.
struct Wish {
    std::optional<TaskId> task;
    std::optional<FirmwareId> firmware;
    bool may_see_upgrades = false;
    bool may_see_devices = false;
    Language language = Language::zh;

    /// Takes over what `identity` may see now.
    void allow(const Identity& identity) {
        const auto may_query = [&](std::string_view resource) {
            return identity.may(std::string(resource), std::string(permission::query));
        };
        may_see_upgrades = may_query(permission::upgrade_task);
        may_see_devices = may_query(permission::device);
    }
};

class EventClient final : public LiveFeed::Watcher {
public:
    EventClient(Wish wish, AccessService& access, std::string token, http::EventStream::Send send)
        : wish_(std::move(wish)),
          access_(access),
          token_(std::move(token)),
          send_(std::move(send)) {}

    bool may_watch(LiveFeed::Round round) override {
        const Result<Identity> identity =
            round == LiveFeed::Round::telling ? access_.identify(token_) : access_.look(token_);
        if (identity) {
            wish_.allow(*identity);
        }
        return identity.has_value();
    }
    void end() override { send_.end(); }
    bool wants_task(const TaskId& task, const FirmwareId& firmware) override {
        return wish_.may_see_upgrades && (!wish_.task || *wish_.task == task) &&
               (!wish_.firmware || *wish_.firmware == firmware);
    }
    bool wants_record(const UpgradeRecord& record) override {
        return wants_task(record.task, record.firmware);
    }
    bool wants_devices() override {
        return wish_.may_see_devices && !wish_.task && !wish_.firmware;
    }
    bool on_task(const TaskRow& row) override {
        return tell("task", task_detail_json(row, wish_.language));
    }
    bool on_record(const RecordRow& row) override {
        return tell("record", record_json(row, wish_.language));
    }
    bool on_device(const live::DeviceStateChanged& change, Instant at) override {
        return tell("device", device_event_json(change, at, wish_.language));
    }
    bool on_message(const live::DeviceMessageSeen&, Instant) override { return true; }

private:
    bool tell(const char* event, const json::object& data) {
        return send_(event, json::serialize(data));
    }

    Wish wish_;
    AccessService& access_;
    const std::string token_;
    const http::EventStream::Send send_;
};

Result<Answer> events(AccessService& access, LiveFeed& feed, const Call& call) {
    Wish wish;
    if (const auto task = call.request.query_value("taskId"); task && !task->empty()) {
        wish.task = TaskId(*task);
    }
    if (const auto firmware = call.request.query_value("firmwareId");
        firmware && !firmware->empty()) {
        wish.firmware = FirmwareId(*firmware);
    }
    wish.allow(call.identity);
    wish.language = call.language;
    if (!wish.may_see_upgrades && !wish.may_see_devices) {
        return Error::of(ErrorCode::access_denied,
                         text("当前用户无权限[{}]:{}", "you lack the permission [{}]:{}",
                              permission::upgrade_task, permission::query));
    }
    http::Response response;
    response.headers = {{"Content-Type", "text/event-stream;charset=UTF-8"},
                        {"Cache-Control", "no-store"}};
    response.body =
        http::EventStream{[&feed, &access, wish, token = call.token](http::EventStream::Send send) {
            auto handle =
                feed.watch(std::make_shared<EventClient>(wish, access, token, std::move(send)));
            if (handle && wish.task) {
                feed.tell_task(*wish.task);
            }
            return handle;
        }};
    return response;
}

}  // namespace

json::object device_event_json(const live::DeviceStateChanged& change, Instant at,
                               Language language) {
    return {{"id", change.device.value},
            {"productId", change.product.value},
            {"state", enum_json(change.state, language)},
            {"timestamp", to_millis(at)}};
}

void live_routes(Api& api, LiveFeed& feed) {
    api.route(http::Method::get, "/events", Access::signed_in(),
              [&api, &feed](const Call& call) { return events(api.access(), feed, call); });
}

}  // namespace updraft::rest
