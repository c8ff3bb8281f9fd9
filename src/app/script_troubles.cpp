#include "app/script_troubles.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "app/log_types.hpp"
#include "base/bytes.hpp"
#include "base/log.hpp"

namespace updraft {
namespace {

/// `{"package":"vendor","direction":"decode","topic":"up","message":"第3行: ...","line":3}`
std::string line_of(const ScriptTrouble& trouble, std::size_t topic_bytes_max) {
    const bool decodes = trouble.direction == ScriptCall::Direction::decode;
    boost::json::object line{{"package", trouble.package.value},
                             {"direction", decodes ? "decode" : "encode"}};
    if (decodes) {
        const std::string topic = trouble.topic.substr(0, topic_bytes_max);
        line["topic"] = is_utf8(topic) ? topic : "?";
    }
    line["message"] = trouble.failure.described().zh;
    if (trouble.failure.line) {
        line["line"] = *trouble.failure.line;
    }
    return boost::json::serialize(line);
}

}  // namespace

void ScriptTroubles::note(const ScriptTrouble& trouble) {
    const Instant now = clock_.now();
    if (!is_due(trouble.device, now)) {
        return;
    }
    log::info("scripts", "a message was not translated package={} device={} why=\"{}\"",
              trouble.package, trouble.device, trouble.failure.described().en);
    DeviceLogEntry line{ids_.next(),
                        trouble.device,
                        std::string(log_type::script_failed),
                        now,
                        line_of(trouble, options_.topic_bytes_max),
                        {},
                        {}};
    try {
        store_.submit(
            [line = std::move(line)](UnitOfWork& work) {
                if (!work.devices().find(line.device)) {
                    return false;
                }
                work.device_logs().add(line);
                return true;
            },
            [](const std::exception_ptr& /*failure*/) {});
    } catch (const StorageError& error) {
        log::warn("scripts", "a failure was not kept device={} reason=\"{}\"", trouble.device,
                  error.what());
    }
}

bool ScriptTroubles::is_due(const DeviceId& device, Instant now) {
    const std::scoped_lock lock(mutex_);
    if (last_.size() >= options_.devices_max) {
        last_.clear();  // costs a line too many now and then
    }
    const auto [last, is_first] = last_.try_emplace(device, now);
    if (!is_first && now - last->second < options_.log_every && now >= last->second) {
        return false;
    }
    last->second = now;
    return true;
}

}  // namespace updraft
