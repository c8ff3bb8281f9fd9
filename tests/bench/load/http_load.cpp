// Load for a HTTP server over kept connections, at a fixed rate (open loop: a request's latency
// counts from when it was due, so that a stalled server is not spared) or, with rate 0, as fast as
// answers come. `{n}` in path and headers is the number of a device, in turn. With --first it runs
// before everything else on its core, and sleeps while nothing is due: its latencies are then the
// server's, though other load shares the core. Prints one line of JSON.

#include <fmt/format.h>
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <deque>
#include <iostream>
#include <memory>
#include <vector>

#include "latency.hpp"
#include "process.hpp"
#include "stream.hpp"

namespace {

using namespace updraft::bench;

struct Options {
    int port = 0;
    std::string method = "GET";
    std::string path = "/";
    std::vector<std::string> headers;
    std::string body;
    int status = 200;
    int connections = 64;
    int devices = 1;  // {n} goes from 1 to this and begins anew
    double rate = 0;  // requests a second; 0: as fast as they are answered
    double seconds = 5;
    double warm_up = 1;
    long requests = 0;  // ends after so many instead of after a time
    long pid = 0;
    bool first = false;
};

/// A request with places for the device's number.
class Template {
public:
    explicit Template(const Options& options) {
        std::string text =
            fmt::format("{} {} HTTP/1.1\r\nHost: bench\r\n", options.method, options.path);
        for (const std::string& header : options.headers) {
            text += header + "\r\n";
        }
        if (!options.body.empty()) {
            text += fmt::format("Content-Length: {}\r\n", options.body.size());
        }
        text += "\r\n" + options.body;
        std::size_t begin = 0;
        for (std::size_t at = text.find("{n}"); at != std::string::npos;
             at = text.find("{n}", begin)) {
            parts_.push_back(text.substr(begin, at - begin));
            begin = at + 3;
        }
        parts_.push_back(text.substr(begin));
    }
    [[nodiscard]] std::string for_device(long number) const {
        std::string request = parts_.front();
        for (std::size_t i = 1; i < parts_.size(); ++i) {
            request.append(std::to_string(number)).append(parts_[i]);
        }
        return request;
    }

private:
    std::vector<std::string> parts_;
};

/// One kept connection with at most one request under way.
class Connection {
public:
    Connection(int port, int epoll) { stream_.open(port, epoll, this, nullptr); }

    void send(const std::string& request, SteadyClock::time_point due) {
        due_ = due;
        stream_.send(request);
    }
    /// True when an answer is complete; its status is status().
    bool ready() {
        stream_.flush();
        std::array<char, 1U << 14> room{};
        while (const std::size_t got = stream_.receive(room)) {
            if (body_left_ > 0) {
                body_left_ -= std::min(body_left_, got);
            } else {
                head_.append(room.data(), got);
                read_head();
            }
        }
        return status_ != 0 && body_left_ == 0;
    }
    [[nodiscard]] int take_status() { return std::exchange(status_, 0); }
    [[nodiscard]] SteadyClock::time_point due() const { return due_; }

private:
    void read_head() {
        const std::size_t end = head_.find("\r\n\r\n");
        if (end == std::string::npos) {
            return;
        }
        status_ = std::stoi(head_.substr(9, 3));
        constexpr std::string_view name = "content-length:";
        std::size_t length = 0;
        const auto at =
            std::search(head_.begin(), head_.begin() + static_cast<long>(end), name.begin(),
                        name.end(), [](char a, char b) { return (a | 0x20) == b || a == b; });
        if (at != head_.begin() + static_cast<long>(end)) {
            length = std::stoul(
                head_.substr(static_cast<std::size_t>(at - head_.begin()) + name.size()));
        }
        const std::size_t come = head_.size() - end - 4;
        body_left_ = length - std::min(length, come);
        head_.clear();
    }

    Stream stream_;
    std::string head_;
    std::size_t body_left_ = 0;
    int status_ = 0;
    SteadyClock::time_point due_;
};

class Load {
public:
    explicit Load(Options options)
        : options_(std::move(options)), template_(options_), epoll_(::epoll_create1(0)) {
        for (int i = 0; i < options_.connections; ++i) {
            connections_.push_back(std::make_unique<Connection>(options_.port, epoll_));
            free_.push_back(connections_.back().get());
        }
    }

    void run() {
        if (options_.requests == 0) {
            run_for(std::min(options_.warm_up, options_.seconds));
        }
        latencies_.clear();
        wrong_ = 0;
        const double cpu = cpu_seconds_of(options_.pid);
        const auto began = SteadyClock::now();
        run_for(options_.seconds);
        const double seconds = seconds_since(began);
        std::cout
            << fmt::format(
                   R"({{"count":{},"wrong":{},"last_wrong_status":{},"seconds":{:.3f},"per_second":{:.1f},)"
                   R"("cpu_seconds":{:.2f},{}}})",
                   latencies_.count(), wrong_, wrong_status_, seconds,
                   static_cast<double>(latencies_.count()) / seconds,
                   cpu_seconds_of(options_.pid) - cpu, latencies_.json())
            << std::endl;
    }

private:
    static constexpr std::chrono::milliseconds look_around{100};

    /// Sends what is due, for a time, or until as many requests as wanted are answered.
    void run_for(double duration) {
        const auto began = SteadyClock::now();
        const auto until = began + as_duration(duration);
        long sent = 0;
        long answered = 0;
        auto next_due = began;
        const auto go_on = [&](SteadyClock::time_point now) {
            return options_.requests > 0 ? sent < options_.requests : now < until;
        };
        for (;;) {
            const auto now = SteadyClock::now();
            while (go_on(now) && !free_.empty()) {
                auto due = now;
                if (options_.rate > 0) {
                    due = next_due = began + as_duration(static_cast<double>(sent) / options_.rate);
                    if (due > now) {
                        break;
                    }
                }
                Connection* connection = free_.front();
                free_.pop_front();
                connection->send(template_.for_device(next_++ % options_.devices + 1), due);
                ++sent;
            }
            if (answered == sent && !go_on(now)) {
                return;
            }
            const bool only_answers = free_.empty() || !go_on(now);
            answered += turn(only_answers ? now + look_around : next_due);
        }
    }

    int turn(SteadyClock::time_point next_due) {
        constexpr int events_max = 512;
        epoll_event events[events_max];
        const int count = wait(events, events_max, next_due);
        int answered = 0;
        for (int i = 0; i < count; ++i) {
            auto* connection = static_cast<Connection*>(events[i].data.ptr);
            if (connection->ready()) {
                const int status = connection->take_status();
                latencies_.add(SteadyClock::now() - connection->due());
                if (status != options_.status) {
                    ++wrong_;
                    wrong_status_ = status;
                }
                free_.push_back(connection);
                ++answered;
            }
        }
        return answered;
    }

    /// At a fixed rate it spins, because waking up takes longer than an answer; the first on a core
    /// that others need, too, sleeps.
    int wait(epoll_event* events, int events_max, SteadyClock::time_point next_due) const {
        if (options_.rate <= 0) {
            return ::epoll_wait(epoll_, events, events_max, static_cast<int>(look_around.count()));
        }
        if (!options_.first) {
            return ::epoll_wait(epoll_, events, events_max, 0);
        }
        const auto left = std::clamp<std::chrono::nanoseconds>(
            next_due - SteadyClock::now(), std::chrono::nanoseconds{0}, look_around);
        const timespec timeout{0, left.count()};
        return ::epoll_pwait2(epoll_, events, events_max, &timeout, nullptr);
    }

    Options options_;
    Template template_;
    int epoll_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::deque<Connection*> free_;
    Latencies latencies_;
    long next_ = 0;
    long wrong_ = 0;
    int wrong_status_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Load for a HTTP server"};
    app.add_option("--port", options.port)->required();
    app.add_option("--method", options.method);
    app.add_option("--path", options.path);
    app.add_option("--header", options.headers)->take_all();
    app.add_option("--body", options.body);
    app.add_option("--status", options.status);
    app.add_option("--connections", options.connections);
    app.add_option("--devices", options.devices);
    app.add_option("--rate", options.rate);
    app.add_option("--seconds", options.seconds);
    app.add_option("--warm-up", options.warm_up);
    app.add_option("--requests", options.requests);
    app.add_option("--pid", options.pid);
    app.add_flag("--first", options.first);
    CLI11_PARSE(app, argc, argv);
    try {
        raise_descriptor_limit();
        if (options.first) {
            run_before_others();
        }
        Load(std::move(options)).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
