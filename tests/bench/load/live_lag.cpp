// How long after a device's event the console's stream shows it: devices report progress at a fixed
// rate over MQTT, and GET /events is read beside them in the same thread, so by one clock. The lag
// of an event ends with the first frame that shows it or a later event of its device: what is told
// is brought together. Prints one line of JSON.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <unordered_map>

#include "latency.hpp"
#include "mqtt_crowd.hpp"

namespace {

using namespace updraft;
using namespace updraft::bench;

struct Options {
    MqttFleet fleet;
    int http_port = 0;
    std::string token;
    std::string task;  // whose events are watched
    int devices = 200;
    int rate = 10'000;
    double seconds = 5;
    long pid = 0;
};

/// Frames of a text/event-stream.
class EventFrames {
public:
    EventFrames(const Options& options, int epoll) {
        stream_.open(options.http_port, epoll, nullptr, nullptr);
        stream_.send(
            fmt::format("GET /events?taskId={} HTTP/1.1\r\nHost: bench\r\n"
                        "Accept: text/event-stream\r\nX-Access-Token: {}\r\n\r\n",
                        options.task, options.token));
    }

    /// Calls `use` with each whole frame that has come.
    template <class Use>
    void ready(Use&& use) {
        stream_.flush();
        std::array<char, 1U << 16> room{};
        while (const std::size_t got = stream_.receive(room)) {
            text_.append(room.data(), got);
        }
        std::size_t begin = 0;
        for (std::size_t end = text_.find("\n\n"); end != std::string::npos;
             end = text_.find("\n\n", begin)) {
            use(std::string_view(text_).substr(begin, end - begin));
            begin = end + 2;
        }
        text_.erase(0, begin);
    }

private:
    Stream stream_;
    std::string text_;
};

/// The value behind `"key":` in flat JSON text; empty if the key is not there.
std::string_view value_of(std::string_view json, std::string_view key) {
    const std::string quoted = fmt::format("\"{}\":", key);
    const std::size_t at = json.find(quoted);
    if (at == std::string_view::npos) {
        return {};
    }
    std::string_view rest = json.substr(at + quoted.size());
    if (rest.starts_with('"')) {
        return rest.substr(1, rest.find('"', 1) - 1);
    }
    return rest.substr(0, rest.find_first_of(",}"));
}

class Lag {
public:
    explicit Lag(Options options) : options_(std::move(options)), crowd_(options_.fleet) {}

    void run() {
        crowd_.make(options_.devices);
        crowd_.sign_in(256, [](MqttDevice&, const mqtt::Packet&) {});
        begin_upgrades();
        const int epoll = ::epoll_create1(0);
        EventFrames frames(options_, epoll);
        const auto see = [&] { frames.ready([this](std::string_view frame) { shown(frame); }); };
        send_for(std::min(1.0, options_.seconds), see);  // warm
        lags_.clear();
        sent_ = frames_ = 0;
        const double cpu = cpu_seconds_of(options_.pid);
        const auto began = SteadyClock::now();
        send_for(options_.seconds, see);
        const double seconds = seconds_since(began);
        const auto rate = static_cast<double>(sent_) / seconds;
        const double used = cpu_seconds_of(options_.pid) - cpu;
        const auto deadline = SteadyClock::now() + std::chrono::seconds(5);
        while (!waiting_.empty() && SteadyClock::now() < deadline) {
            crowd_.turn([](MqttDevice&, const mqtt::Packet&) {}, 1);
            see();
        }
        std::cout
            << fmt::format(
                   R"({{"per_second":{:.1f},"events":{},"never_shown":{},"frames_per_second":{:.1f},)"
                   R"("cpu_seconds":{:.2f},{}}})",
                   rate, lags_.count(), waiting_count(), static_cast<double>(frames_) / seconds,
                   used, lags_.json())
            << std::endl;
    }

private:
    struct Sent {
        int progress;
        SteadyClock::time_point at;
    };
    static constexpr int progress_values = 99;

    /// Every device pulls, so that its record is processing.
    void begin_upgrades() {
        for (auto& device : crowd_.devices()) {
            device->publish("/firmware/pull", R"({"messageId":"1","currentVersion":""})", 0);
        }
        std::size_t begun = 0;
        while (begun < crowd_.devices().size()) {
            crowd_.turn([&](MqttDevice&, const mqtt::Packet& packet) {
                begun += std::holds_alternative<mqtt::Publish>(packet) ? 1 : 0;
            });
        }
    }

    template <class See>
    void send_for(double seconds, See&& see) {
        const auto began = SteadyClock::now();
        const std::chrono::duration<double> pause(1.0 / options_.rate);
        long due = 0;
        while (seconds_since(began) < seconds) {
            const auto now = SteadyClock::now();
            for (; began + pause * due <= now; ++due) {
                report(*crowd_.devices()[next_++ % crowd_.devices().size()]);
            }
            crowd_.turn([](MqttDevice&, const mqtt::Packet&) {}, 0);
            see();
        }
    }

    void report(MqttDevice& device) {
        const int progress = static_cast<int>(device.sent++ % progress_values) + 1;
        waiting_[device.id()].push_back({progress, SteadyClock::now()});
        device.publish(
            "/firmware/upgrade/progress",
            fmt::format(R"({{"progress":{},"complete":false,"version":"2.0"}})", progress), 1);
        ++sent_;
    }

    /// What a frame shows ends the lag of that event and of those before it.
    void shown(std::string_view frame) {
        if (frame.find("event: record\n") == std::string_view::npos) {  // a chunk's length may lead
            return;
        }
        ++frames_;
        const auto found = waiting_.find(std::string(value_of(frame, "deviceId")));
        const std::string progress(value_of(frame, "progress"));
        if (found == waiting_.end() || progress.empty()) {
            return;
        }
        auto& events = found->second;
        const int value = std::stoi(progress);
        const auto match = std::ranges::find(events, value, &Sent::progress);
        if (match == events.end()) {
            return;  // told again
        }
        const auto now = SteadyClock::now();
        for (auto event = events.begin(); event != match + 1; ++event) {
            lags_.add(now - event->at);
        }
        events.erase(events.begin(), match + 1);
        if (events.empty()) {
            waiting_.erase(found);
        }
    }

    [[nodiscard]] std::size_t waiting_count() const {
        std::size_t count = 0;
        for (const auto& [device, events] : waiting_) {
            count += events.size();
        }
        return count;
    }

    Options options_;
    MqttCrowd crowd_;
    Latencies lags_;
    std::unordered_map<std::string, std::deque<Sent>> waiting_;
    std::size_t next_ = 0;
    long sent_ = 0;
    long frames_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Lag from a device's event to the console's stream"};
    app.add_option("--mqtt-port", options.fleet.port)->required();
    app.add_option("--http-port", options.http_port)->required();
    app.add_option("--token", options.token)->required();
    app.add_option("--task", options.task)->required();
    app.add_option("--devices", options.devices);
    app.add_option("--rate", options.rate);
    app.add_option("--seconds", options.seconds);
    app.add_option("--pid", options.pid);
    app.add_option("--product", options.fleet.product);
    app.add_option("--prefix", options.fleet.prefix);
    app.add_option("--secure-id", options.fleet.secure_id);
    app.add_option("--secure-key", options.fleet.secure_key);
    CLI11_PARSE(app, argc, argv);
    try {
        raise_descriptor_limit();
        Lag(std::move(options)).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
