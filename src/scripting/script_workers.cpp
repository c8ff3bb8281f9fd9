#include "scripting/script_workers.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <system_error>
#include <thread>

#include "base/bytes.hpp"
#include "base/log.hpp"
#include "scripting/declaration.hpp"
#include "scripting/frames.hpp"
#include "scripting/worker_process.hpp"

namespace updraft::scripting {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = ScriptFailure::Kind;

/// What an answer's texts and lists cost beside the items themselves.
constexpr std::size_t answer_overhead_bytes = std::size_t{16} * 1024;

ScriptAnswer failed(Kind kind, Text message) {
    ScriptAnswer answer;
    answer.failure = ScriptFailure{kind, std::move(message), std::nullopt};
    return answer;
}

ScriptAnswer stopping() {
    return failed(Kind::later, {"服务器正在停止", "the server is stopping"});
}

/// Words of a script, or of a worker that was taken over, for logs and answers: one line of text.
std::string one_line(std::string words) {
    if (!is_utf8(words)) {
        return "?";
    }
    std::ranges::replace_if(
        words, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
    return words;
}

ScriptAnswer answer_of(Answer&& received) {
    ScriptAnswer answer;
    answer.items = std::move(received.items);
    for (std::string& line : received.log) {
        answer.log.push_back(one_line(std::move(line)));
    }
    received.message = {one_line(std::move(received.message.zh)),
                        one_line(std::move(received.message.en))};
    if (received.fault != Fault::none) {
        const bool limit = received.fault == Fault::instructions || received.fault == Fault::memory;
        answer.failure = ScriptFailure{limit ? Kind::stopped : Kind::script,
                                       std::move(received.message), std::nullopt};
        if (received.line > 0) {
            answer.failure->line = static_cast<int>(received.line);
        }
    }
    return answer;
}

std::size_t bytes_of(const ScriptCall& call) {
    return call.topic.size() + call.payload.size() + call.product.value.size() +
           call.device.value.size() + 64;
}

std::size_t reply_bytes_max(const Limits& limits, std::size_t calls) {
    const std::size_t log = limits.log_lines_max * (limits.log_line_bytes_max + 8);
    return (limits.output_bytes_max * 4 + log + answer_overhead_bytes) * calls + 64;
}

/// How a worker was lost, as the one to blame is told.
ScriptFailure lost(WorkerProcess::Outcome outcome, const std::string& how, milliseconds within) {
    ScriptFailure failure{Kind::stopped, {}, std::nullopt};
    switch (outcome) {
        case WorkerProcess::Outcome::timed_out:
            failure.message = text("{}毫秒内未完成, 已被终止",
                                   "it was not done within {} ms and was stopped", within.count());
            break;
        case WorkerProcess::Outcome::broken:
            failure.message = {"返回的内容过大", "the answer is too large"};
            break;
        case WorkerProcess::Outcome::answered:
        case WorkerProcess::Outcome::ended:
            failure.message = text("脚本进程意外结束: {}", "its worker process ended: {}", how);
            break;
    }
    return failure;
}

/// A worker that ends for another reason than our clock may have been ended by somebody else: so
/// often in a row its script is given another one.
constexpr int tries_max = 3;

ScriptAnswer start_once(const ScriptOptions& options, const std::string& script,
                        std::unique_ptr<WorkerProcess>& worker, WorkerProcess::Outcome& outcome) {
    worker = std::make_unique<WorkerProcess>(options.program);
    std::string reply;
    outcome = worker->exchange(load_frame({options.limits, script}),
                               reply_bytes_max(options.limits, 1), options.start_timeout, reply);
    auto answers = outcome == WorkerProcess::Outcome::answered ? read_answers(reply) : std::nullopt;
    ScriptAnswer answer;
    if (answers && answers->size() == 1) {
        answer = answer_of(std::move(answers->front()));
    } else {
        answer.failure = lost(outcome, worker->end(), options.start_timeout);
    }
    if (answer.failure) {
        worker.reset();
    }
    return answer;
}

/// Starts a worker and loads the script; what it declares is the answer's item. A failure: there is
/// no worker. Throws std::system_error.
ScriptAnswer start_worker(const ScriptOptions& options, const std::string& script,
                          std::unique_ptr<WorkerProcess>& worker) {
    ScriptAnswer answer;
    auto outcome = WorkerProcess::Outcome::ended;
    for (int tries = 0; tries < tries_max && outcome == WorkerProcess::Outcome::ended; ++tries) {
        answer = start_once(options, script, worker, outcome);
    }
    return answer;
}

}  // namespace

/// The queue of one package, its worker, and the thread that goes between.
class ScriptWorkers::Lane {
public:
    Lane(ProtocolId package, const ScriptOptions& options, ScriptCounters& counters)
        : package_(std::move(package)), options_(options), counters_(counters) {
        thread_ = std::thread([this] { run(); });
    }
    ~Lane() {
        ask_to_stop();
        thread_.join();
    }
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// Takes a call in. False: it is no more, another lane has to be made. `done` is moved from
    /// only if it is taken.
    enum class Put : std::uint8_t { taken, full, finished };
    Put put(std::shared_ptr<const Script>& script, ScriptCall& call, Answered& done) {
        const std::scoped_lock lock(mutex_);
        if (finished_) {
            return Put::finished;
        }
        const std::size_t bytes = bytes_of(call);
        if (stopping_ || queue_.size() >= options_.queue_calls_max ||
            queued_bytes_ + bytes > options_.queue_bytes_max) {
            return Put::full;
        }
        queue_.push_back({std::move(script), std::move(call), std::move(done), bytes, 0});
        queued_bytes_ += bytes;
        ++counters_.queued;
        changed_.notify_one();
        return Put::taken;
    }

    void ask_to_stop() {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_one();
    }
    /// Its thread has ended for want of calls.
    [[nodiscard]] bool finished() const {
        const std::scoped_lock lock(mutex_);
        return finished_;
    }
    [[nodiscard]] std::optional<int> worker() const {
        const int pid = pid_.load();
        return pid > 0 ? std::optional(pid) : std::nullopt;
    }

private:
    struct Job {
        std::shared_ptr<const Script> script;
        ScriptCall call;
        Answered done;
        std::size_t bytes = 0;
        int alone = 0;  ///< how often a worker ended while it was alone in there
    };
    using Batch = std::vector<Job>;

    void run();
    [[nodiscard]] bool wait_for_calls();
    [[nodiscard]] Batch take_batch();
    void work(Batch batch);
    [[nodiscard]] bool send(Batch& batch);
    [[nodiscard]] bool make_ready(Batch& batch);
    void drop_worker();
    void note_stop();
    [[nodiscard]] bool is_paused();
    void finish(Job& job, ScriptAnswer answer);
    void finish_all(Batch& batch, const ScriptAnswer& answer);
    void refuse_rest();

    const ProtocolId package_;
    const ScriptOptions& options_;
    ScriptCounters& counters_;

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Job> queue_;
    std::size_t queued_bytes_ = 0;
    bool stopping_ = false;
    bool finished_ = false;

    // Of the thread alone.
    std::unique_ptr<WorkerProcess> worker_;
    std::shared_ptr<const Script> loaded_;
    Clock::duration busy_{};  ///< how long the worker has worked: at least its CPU time
    std::deque<Clock::time_point> stops_;
    std::optional<Clock::time_point> paused_until_;
    milliseconds next_pause_{0};
    std::atomic<int> pid_{0};
    std::thread thread_;
};

void ScriptWorkers::Lane::run() {
    while (wait_for_calls()) {
        Batch batch = take_batch();
        try {
            work(std::move(batch));
        } catch (const std::exception& failure) {
            log::error("scripts", "package={} what={}", package_, failure.what());
        }
    }
    drop_worker();
    if (paused_until_) {
        --counters_.paused;
    }
    refuse_rest();
}

/// False when the lane is to end: it is stopped, or nothing has come for long.
bool ScriptWorkers::Lane::wait_for_calls() {
    std::unique_lock lock(mutex_);
    const bool woken = changed_.wait_for(lock, options_.idle_after,
                                         [this] { return stopping_ || !queue_.empty(); });
    if (stopping_ || !woken) {
        finished_ = true;
        return false;
    }
    return true;
}

/// The oldest calls that are for one and the same script.
ScriptWorkers::Lane::Batch ScriptWorkers::Lane::take_batch() {
    const std::scoped_lock lock(mutex_);
    Batch batch;
    std::size_t bytes = 0;
    while (!queue_.empty() && batch.size() < options_.batch_calls_max) {
        Job& next = queue_.front();
        const bool fits = bytes + next.bytes <= options_.batch_bytes_max;
        if (!batch.empty() && (!fits || next.script != batch.front().script)) {
            break;
        }
        bytes += next.bytes;
        queued_bytes_ -= next.bytes;
        batch.push_back(std::move(next));
        queue_.pop_front();
        --counters_.queued;
    }
    return batch;
}

/// Sees every call of the batch through.
void ScriptWorkers::Lane::work(Batch batch) {
    if (send(batch)) {
        return;
    }
    // The worker is gone. One by one now: the calls that do no harm are answered.
    for (Job& job : batch) {
        Batch alone;
        alone.push_back(std::move(job));
        while (!send(alone)) {
        }
    }
}

/// Sends a batch and hands out its answers, or its failure. False: the worker was lost, and the
/// calls are to be tried alone (again).
bool ScriptWorkers::Lane::send(Batch& batch) {
    if (!make_ready(batch)) {
        return true;
    }
    std::vector<const ScriptCall*> calls;
    calls.reserve(batch.size());
    for (const Job& job : batch) {
        calls.push_back(&job.call);
    }
    ++counters_.batches;
    const Clock::time_point begin = Clock::now();
    std::string reply;
    const WorkerProcess::Outcome outcome =
        worker_->exchange(calls_frame(calls), reply_bytes_max(options_.limits, batch.size()),
                          options_.call_timeout, reply);
    busy_ += Clock::now() - begin;
    auto answers = outcome == WorkerProcess::Outcome::answered ? read_answers(reply) : std::nullopt;
    if (answers && answers->size() == batch.size()) {
        for (std::size_t i = 0; i < batch.size(); ++i) {
            finish(batch[i], answer_of(std::move((*answers)[i])));
        }
        return true;
    }
    const std::string how = worker_->end();
    drop_worker();
    ++counters_.stopped;
    log::warn("scripts", "worker lost package={} calls={} how=\"{}\" timed_out={}", package_,
              batch.size(), how, outcome == WorkerProcess::Outcome::timed_out);
    if (batch.size() > 1) {
        return false;
    }
    Job& job = batch.front();
    ++job.alone;
    note_stop();
    if (outcome == WorkerProcess::Outcome::ended && job.alone < tries_max) {
        return false;
    }
    ScriptAnswer answer;
    answer.failure = lost(outcome, how, options_.call_timeout);
    finish(job, std::move(answer));
    return true;
}

/// Makes a worker with the batch's script. False: there is none, and the batch has been answered.
bool ScriptWorkers::Lane::make_ready(Batch& batch) {
    if (is_paused()) {
        finish_all(batch, failed(Kind::paused, {"该协议脚本多次被终止, 暂停执行",
                                                "the script was stopped too often and is paused"}));
        return false;
    }
    const std::shared_ptr<const Script>& script = batch.front().script;
    // Replaced long before the kernel would end it for its CPU time.
    const bool old = busy_ > options_.limits.worker_cpu_max / 2;
    if (worker_ && (loaded_ != script || old)) {
        drop_worker();
    }
    if (worker_) {
        return true;
    }
    try {
        const ScriptAnswer loaded = start_worker(options_, script->text, worker_);
        ++counters_.started;
        if (loaded.failure) {
            if (loaded.failure->kind == Kind::stopped) {
                ++counters_.stopped;
                note_stop();
            }
            finish_all(batch, loaded);
            return false;
        }
    } catch (const std::system_error& error) {
        log::error("scripts", "no worker package={} what={}", package_, error.what());
        finish_all(batch, failed(Kind::later, {"无法启动脚本进程", "a worker cannot be started"}));
        return false;
    }
    ++counters_.workers;
    pid_ = worker_->pid();
    loaded_ = script;
    busy_ = {};
    return true;
}

void ScriptWorkers::Lane::drop_worker() {
    if (worker_) {
        --counters_.workers;
        pid_ = 0;
    }
    worker_.reset();
    loaded_.reset();
}

/// A worker had to be ended for one call. Too often: a pause, longer each time.
void ScriptWorkers::Lane::note_stop() {
    const Clock::time_point now = Clock::now();
    while (!stops_.empty() && now - stops_.front() > options_.stops_window) {
        stops_.pop_front();
    }
    if (stops_.empty()) {
        next_pause_ = options_.pause_min;
    }
    stops_.push_back(now);
    if (static_cast<int>(stops_.size()) % std::max(options_.stops_max, 1) != 0) {
        return;
    }
    if (!paused_until_) {
        ++counters_.paused;
    }
    paused_until_ = now + next_pause_;
    log::warn("scripts", "package paused package={} stops={} pause_ms={}", package_, stops_.size(),
              next_pause_.count());
    next_pause_ = std::min(next_pause_ * 2, options_.pause_max);
}

bool ScriptWorkers::Lane::is_paused() {
    if (paused_until_ && Clock::now() >= *paused_until_) {
        paused_until_.reset();
        --counters_.paused;
    }
    return paused_until_.has_value();
}

void ScriptWorkers::Lane::finish(Job& job, ScriptAnswer answer) {
    if (!answer.failure) {
        ++counters_.answered;
    } else {
        switch (answer.failure->kind) {
            case Kind::script:
                ++counters_.failed;
                break;
            case Kind::stopped:
                ++counters_.calls_stopped;
                break;
            case Kind::paused:
                ++counters_.refused_paused;
                break;
            case Kind::later:
                ++counters_.refused_later;
                break;
        }
    }
    if (!job.done) {
        return;
    }
    const Answered done = std::exchange(job.done, nullptr);
    try {
        done(std::move(answer));
    } catch (const std::exception& failure) {
        log::error("scripts", "answer lost package={} what={}", package_, failure.what());
    }
}

void ScriptWorkers::Lane::finish_all(Batch& batch, const ScriptAnswer& answer) {
    for (Job& job : batch) {
        finish(job, answer);
    }
}

void ScriptWorkers::Lane::refuse_rest() {
    std::deque<Job> rest;
    {
        const std::scoped_lock lock(mutex_);
        rest.swap(queue_);
        queued_bytes_ = 0;
    }
    for (Job& job : rest) {
        --counters_.queued;
        finish(job, stopping());
    }
}

/// One of the few checks and trials at a time.
class ScriptWorkers::Trial {
public:
    explicit Trial(ScriptWorkers& host) : host_(host) {
        admitted_ = host_.trials_.fetch_add(1) < host_.options_.trials_max;
    }
    ~Trial() { --host_.trials_; }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

    /// Loads `text` in a worker of this trial's own.
    ScriptAnswer load(const std::string& text) {
        if (!admitted_) {
            return failed(Kind::later, {"正在检查的脚本过多, 请稍后再试",
                                        "too many scripts are being checked; try again later"});
        }
        try {
            return start_worker(host_.options_, text, worker_);
        } catch (const std::system_error& error) {
            log::error("scripts", "no worker for a trial what={}", error.what());
            return failed(Kind::later, {"无法启动脚本进程", "a worker cannot be started"});
        }
    }
    ScriptAnswer call(const ScriptCall& call) {
        const ScriptOptions& options = host_.options_;
        std::string reply;
        const auto outcome = worker_->exchange(
            calls_frame({&call}), reply_bytes_max(options.limits, 1), options.call_timeout, reply);
        auto answers =
            outcome == WorkerProcess::Outcome::answered ? read_answers(reply) : std::nullopt;
        if (answers && answers->size() == 1) {
            return answer_of(std::move(answers->front()));
        }
        ScriptAnswer answer;
        answer.failure = lost(outcome, worker_->end(), options.call_timeout);
        return answer;
    }

private:
    ScriptWorkers& host_;
    bool admitted_ = false;
    std::unique_ptr<WorkerProcess> worker_;
};

ScriptWorkers::ScriptWorkers(ScriptOptions options) : options_(std::move(options)) {}

ScriptWorkers::~ScriptWorkers() {
    stop();
}

void ScriptWorkers::call(std::shared_ptr<const Script> script, ScriptCall call, Answered done) {
    if (call.topic.size() + call.payload.size() > options_.input_bytes_max) {
        ++counters_.failed;
        done(failed(Kind::script, text("消息超过脚本可接收的{}字节",
                                       "the message is over the {} bytes that a script is given",
                                       options_.input_bytes_max)));
        return;
    }
    std::unique_ptr<Lane> finished;  // joined outside the lock
    bool taken = false;
    {
        const std::scoped_lock lock(mutex_);
        std::unique_ptr<Lane>& lane = lanes_[script->package];
        Lane::Put put = lane ? lane->put(script, call, done) : Lane::Put::finished;
        if (put == Lane::Put::finished && !stopping_ && has_room()) {
            finished =
                std::exchange(lane, std::make_unique<Lane>(script->package, options_, counters_));
            put = lane->put(script, call, done);
        }
        taken = put == Lane::Put::taken;
    }
    if (!taken) {
        ++counters_.refused_later;
        done(failed(Kind::later, {"等待脚本处理的消息过多, 请稍后再试",
                                  "too much waits for the script; try again later"}));
    }
}

/// False if as many packages run as may.
bool ScriptWorkers::has_room() const {
    const auto busy = std::ranges::count_if(
        lanes_, [](const auto& entry) { return entry.second && !entry.second->finished(); });
    return static_cast<std::size_t>(busy) < options_.workers_max;
}

std::expected<ScriptDeclaration, ScriptFailure> ScriptWorkers::check(const std::string& text) {
    Trial trial(*this);
    const ScriptAnswer loaded = trial.load(text);
    if (loaded.failure) {
        return std::unexpected(*loaded.failure);
    }
    return read_declaration(loaded.items.empty() ? "" : loaded.items.front());
}

ScriptAnswer ScriptWorkers::attempt(const std::string& text, const ScriptCall& call) {
    Trial trial(*this);
    ScriptAnswer loaded = trial.load(text);
    return loaded.failure ? std::move(loaded) : trial.call(call);
}

void ScriptWorkers::stop() {
    std::map<ProtocolId, std::unique_ptr<Lane>> lanes;
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        lanes.swap(lanes_);
    }
    for (const auto& [package, lane] : lanes) {
        if (lane) {
            lane->ask_to_stop();
        }
    }
}

std::optional<int> ScriptWorkers::worker_of(const ProtocolId& package) const {
    const std::scoped_lock lock(mutex_);
    const auto found = lanes_.find(package);
    return found == lanes_.end() || !found->second ? std::nullopt : found->second->worker();
}

}  // namespace updraft::scripting
