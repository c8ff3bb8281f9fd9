#include "cli/watch.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

#include "cli/commands.hpp"
#include "cli/event_stream.hpp"
#include "cli/rows.hpp"
#include "cli/watch_state.hpp"

namespace updraft::cli {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t bar_columns = 30;
constexpr std::size_t usual_columns = 80;
constexpr milliseconds drawn_interval{100};
constexpr milliseconds plain_interval{2'000};
/// Without an event for so long the task is asked for: an event may have been lost with its task.
constexpr milliseconds silence_max{14'000};
constexpr milliseconds retry_pause_min{500};
constexpr milliseconds retry_pause_max{15'000};

std::size_t terminal_columns() {
    winsize size{};
    const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : usual_columns;
}

/// What the person sees while the task runs, on standard error.
class Board {
public:
    Board(const Terminal& terminal, std::string title)
        : terminal_(terminal),
          title_(std::move(title)),
          quiet_(terminal.progress_style() == client::ProgressBar::Style::silent) {}

    /// Shows the counters unless they were shown a moment ago; the last ones always.
    void show(const TaskCounts& counts) {
        const auto now = SteadyClock::now();
        first_ = first_.total == 0 ? counts : first_;
        const bool due =
            now - shown_at_ >= (terminal_.can_draw() ? drawn_interval : plain_interval);
        if (quiet_ || counts == shown_ || (!due && !has_ended(counts))) {
            return;
        }
        shown_ = counts;
        shown_at_ = now;
        if (terminal_.can_draw()) {
            draw(counts);
        } else {
            fmt::print(stderr, "{}  {}\n", bar(counts), terminal_.in_language(counts_text(counts)));
            std::fflush(stderr);
        }
    }

    /// A remark below what is drawn.
    void remark(const Text& text) {
        terminal_.say(text);
        drawn_ = false;
    }

private:
    [[nodiscard]] std::string bar(const TaskCounts& counts) const {
        return client::progress_line(title_, static_cast<std::uint64_t>(counts.ended()),
                                     static_cast<std::uint64_t>(counts.total), {}, bar_columns);
    }

    void draw(const TaskCounts& counts) {
        const std::size_t columns = terminal_columns() - 1;
        std::string second = terminal_.in_language(counts_text(counts));
        const auto took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - started_);
        if (const auto left = time_left(first_, counts, took); left && left->count() > 0) {
            second += terminal_.in_language(
                text("  约剩 {}", "  about {} left", readable_seconds(left->count())));
        }
        constexpr int red = 31;
        constexpr int green = 32;
        const int colour = counts.failed > 0 ? red : green;
        fmt::print(stderr, "{}\r{}\033[K\n{}\033[K\n", drawn_ ? "\033[2A" : "",
                   cut_to_width(bar(counts), columns),
                   terminal_.coloured(cut_to_width(second, columns), colour));
        std::fflush(stderr);
        drawn_ = true;
    }

    const Terminal& terminal_;
    std::string title_;
    bool quiet_;
    TaskCounts first_;
    TaskCounts shown_;
    SteadyClock::time_point started_ = SteadyClock::now();
    SteadyClock::time_point shown_at_{};
    bool drawn_ = false;
};

/// Ends the context's calls when the time is over, from a thread of its own.
class TimeLimit {
public:
    TimeLimit(Context& context, std::chrono::seconds limit) {
        if (limit.count() > 0) {
            thread_ = std::jthread([this, &context, limit](const std::stop_token& stop) {
                std::unique_lock lock(mutex_);
                ended_.wait_for(lock, stop, limit, [] { return false; });
                if (!stop.stop_requested()) {
                    passed_ = true;
                    lock.unlock();
                    context.cancel_calls();
                }
            });
        }
    }

    [[nodiscard]] bool passed() {
        const std::lock_guard lock(mutex_);
        return passed_;
    }
    /// Waits; ends early when the limit passes.
    void sleep(milliseconds duration) {
        const auto until = SteadyClock::now() + duration;
        while (!passed() && SteadyClock::now() < until) {
            std::this_thread::sleep_for(std::min<milliseconds>(duration, milliseconds(100)));
        }
    }

private:
    std::mutex mutex_;
    std::condition_variable_any ended_;
    bool passed_ = false;  ///< guarded by `mutex_`
    std::jthread thread_;  ///< last: it uses what is above
};

/// Follows one task to its end.
class Watch {
public:
    Watch(Context& context, client::RestClient& api, std::string id, const WatchOptions& options)
        : context_(context),
          api_(api),
          id_(std::move(id)),
          options_(options),
          limit_(context, options.limit) {}

    /// The task's detail once it has ended.
    Result<json::value> run() {
        UPDRAFT_TRY(json::value task, ask());
        Board board(context_.terminal(), text_at(task, "name"));
        while (true) {
            board.show(counts_of(task));
            if (has_ended(counts_of(task))) {
                return task;
            }
            const bool lost = !follow(board);
            if (lost && !limit_.passed()) {
                board.remark({"与服务器的连接中断, 正在重连",
                              "the connection to the server is "
                              "lost, connecting again"});
            }
            UPDRAFT_TRY(task, ask());
            if (lost) {
                board.remark({"已重新连接", "connected again"});
            }
        }
    }

private:
    /// Shows events until the task has ended or nothing was heard for a while; false if the stream
    /// broke.
    bool follow(Board& board) {
        bool enough = false;
        auto heard_at = SteadyClock::now();
        EventStreamParser parser([&](const std::string& event, const std::string& data) {
            boost::system::error_code broken;
            const json::value row = json::parse(data, broken);
            if (event == "task" && !broken && text_at(row, "id") == id_) {
                heard_at = SteadyClock::now();
                const TaskCounts counts = counts_of(row);
                enough = has_ended(counts);
                if (!enough) {  // the end is shown once the server confirms it
                    board.show(counts);
                }
            }
        });
        client::HttpCall call;
        call.target = "/events?taskId=" + url_encoded(id_);
        call.headers["Accept"] = "text/event-stream";
        static_cast<void>(api_.exchange(std::move(call), [&](std::string_view bytes) {
            parser.feed(bytes);
            enough = enough || SteadyClock::now() - heard_at >= silence_max;
            return !enough;
        }));
        return enough;
    }

    /// Asks for the task, as long as the server is waited for.
    Result<json::value> ask() {
        const auto until = SteadyClock::now() + options_.patience;
        for (milliseconds pause = retry_pause_min;; pause = std::min(pause * 2, retry_pause_max)) {
            Result<json::value> task = task_detail(api_, id_);
            if (limit_.passed()) {
                return Error::of(ErrorCode::precondition_failed,
                                 text("{} 秒内任务没有结束", "the task did not end within {} s",
                                      options_.limit.count()));
            }
            const bool away = !task && status_of(task.error().code) == ExitStatus::unreachable;
            if (!away || SteadyClock::now() + pause > until) {
                return task;
            }
            limit_.sleep(pause);
        }
    }

    Context& context_;
    client::RestClient& api_;
    std::string id_;
    WatchOptions options_;
    TimeLimit limit_;
};

/// The commonest reasons, for the person who has to act on them; what cannot be got is left out.
void show_failures(Context& context, client::RestClient& api, const std::string& id) {
    constexpr std::size_t shown_max = 3;
    const auto failures = api.get("/firmware/upgrade/task/" + url_encoded(id) + "/failures");
    if (!failures) {
        return;
    }
    const json::array& groups = rows_of(member_at(*failures, "groups"));
    for (std::size_t i = 0; i < std::min(groups.size(), shown_max); ++i) {
        context.terminal().say(text("  {} 台: {}", "  {} devices: {}",
                                    integer_at(groups[i], "count"), text_at(groups[i], "sample")));
    }
    context.terminal().say(
        text("  全部原因: updraft task failures {0}   重试: updraft task retry {0}",
             "  all reasons: updraft task failures {0}   again: updraft task "
             "retry {0}",
             id));
}

}  // namespace

Result<json::value> task_detail(client::RestClient& api, const std::string& id) {
    const json::object query{{"terms", json::array{equals("id", id)}}};
    UPDRAFT_TRY(const json::value page, api.post("/firmware/upgrade/task/detail/_query", query));
    if (rows_of(page).empty()) {
        return Error::not_found("升级任务", "upgrade task", id);
    }
    return rows_of(page).front();
}

Result<ExitStatus> watch_task(Context& context, const std::string& id,
                              const WatchOptions& options) {
    UPDRAFT_TRY(client::RestClient* const api, context.api());
    UPDRAFT_TRY(const json::value task, Watch(context, *api, id, options).run());
    const TaskCounts counts = counts_of(task);
    const ExitStatus outcome = outcome_of(counts);
    context.terminal().result(text("任务 {} 已结束: {}", "task {} has ended: {}",
                                   text_at(task, "name"),
                                   context.terminal().in_language(counts_text(counts))));
    context.terminal().result(json::object{{"outcome", name_of_outcome(outcome)}, {"task", task}});
    if (outcome == ExitStatus::failures && !context.terminal().json()) {
        show_failures(context, *api, id);
    }
    return outcome;
}

}  // namespace updraft::cli
