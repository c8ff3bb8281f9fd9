#include "scripting/frames.hpp"

namespace updraft::scripting {
namespace {

enum class Kind : std::uint8_t { load = 1, calls = 2, answers = 3 };

/// Appends little-endian numbers and length-prefixed texts behind room for the frame's head.
class Writer {
public:
    explicit Writer(Kind kind) : bytes_(frame_head_bytes, '\0') {
        number<std::uint8_t>(static_cast<std::uint8_t>(kind));
    }
    template <class Number>
    void number(Number value) {
        for (std::size_t i = 0; i < sizeof(Number); ++i) {
            bytes_.push_back(
                static_cast<char>((static_cast<std::uint64_t>(value) >> (8 * i)) & 0xFFU));
        }
    }
    void text(std::string_view text) {
        number(static_cast<std::uint32_t>(text.size()));
        bytes_ += text;
    }
    void texts(const std::vector<std::string>& list) {
        number(static_cast<std::uint32_t>(list.size()));
        for (const std::string& each : list) {
            text(each);
        }
    }
    [[nodiscard]] std::string frame() && {
        const auto length = static_cast<std::uint32_t>(bytes_.size() - frame_head_bytes);
        for (std::size_t i = 0; i < frame_head_bytes; ++i) {
            bytes_[i] = static_cast<char>((length >> (8 * i)) & 0xFFU);
        }
        return std::move(bytes_);
    }

private:
    std::string bytes_;
};

/// Reads what Writer wrote. After anything that does not fit everything reads as zero and empty.
class Reader {
public:
    Reader(std::string_view frame, Kind kind) : rest_(frame) {
        if (number<std::uint8_t>() != static_cast<std::uint8_t>(kind)) {
            failed_ = true;
        }
    }
    template <class Number>
    [[nodiscard]] Number number() {
        std::uint64_t value = 0;
        if (failed_ || rest_.size() < sizeof(Number)) {
            failed_ = true;
            return 0;
        }
        for (std::size_t i = 0; i < sizeof(Number); ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
        }
        rest_.remove_prefix(sizeof(Number));
        return static_cast<Number>(value);
    }
    [[nodiscard]] std::string text() {
        const auto size = number<std::uint32_t>();
        if (failed_ || rest_.size() < size) {
            failed_ = true;
            return {};
        }
        std::string text(rest_.substr(0, size));
        rest_.remove_prefix(size);
        return text;
    }
    /// How many things follow, each of at least `bytes_min` bytes: never more than there is room
    /// for.
    [[nodiscard]] std::uint32_t count(std::size_t bytes_min) {
        const auto count = number<std::uint32_t>();
        if (failed_ || count > rest_.size() / bytes_min) {
            failed_ = true;
            return 0;
        }
        return count;
    }
    [[nodiscard]] std::vector<std::string> texts() {
        std::vector<std::string> list(count(sizeof(std::uint32_t)));
        for (std::string& each : list) {
            each = text();
        }
        return list;
    }
    /// True if everything was there and nothing is left.
    [[nodiscard]] bool complete() const { return !failed_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool failed_ = false;
};

void write_answer(Writer& out, const Answer& answer) {
    out.number(static_cast<std::uint8_t>(answer.fault));
    out.text(answer.message.zh);
    out.text(answer.message.en);
    out.number(answer.line);
    out.texts(answer.items);
    out.texts(answer.log);
}

Answer read_answer(Reader& in) {
    Answer answer;
    const auto fault = in.number<std::uint8_t>();
    answer.fault = fault > static_cast<std::uint8_t>(Fault::output) ? Fault::output
                                                                    : static_cast<Fault>(fault);
    answer.message.zh = in.text();
    answer.message.en = in.text();
    answer.line = in.number<std::uint32_t>();
    answer.items = in.texts();
    answer.log = in.texts();
    return answer;
}

constexpr std::size_t call_bytes_min = 1 + 5 * sizeof(std::uint32_t);
constexpr std::size_t answer_bytes_min = 1 + 5 * sizeof(std::uint32_t);

}  // namespace

std::uint32_t frame_length(std::string_view head) {
    std::uint32_t length = 0;
    for (std::size_t i = 0; i < frame_head_bytes && i < head.size(); ++i) {
        length |= static_cast<std::uint32_t>(static_cast<unsigned char>(head[i])) << (8 * i);
    }
    return length;
}

std::string load_frame(const Load& load) {
    Writer out(Kind::load);
    for (const std::uint64_t limit :
         {static_cast<std::uint64_t>(load.limits.memory_bytes_max),
          load.limits.call_instructions_max,
          static_cast<std::uint64_t>(load.limits.subject_bytes_max),
          static_cast<std::uint64_t>(load.limits.repeated_bytes_max),
          static_cast<std::uint64_t>(load.limits.output_bytes_max),
          static_cast<std::uint64_t>(load.limits.messages_max),
          static_cast<std::uint64_t>(load.limits.log_lines_max),
          static_cast<std::uint64_t>(load.limits.log_line_bytes_max),
          static_cast<std::uint64_t>(load.limits.worker_cpu_max.count())}) {
        out.number(limit);
    }
    out.text(load.script);
    return std::move(out).frame();
}

std::optional<Load> read_load(std::string_view frame) {
    Reader in(frame, Kind::load);
    Load load;
    load.limits.memory_bytes_max = in.number<std::uint64_t>();
    load.limits.call_instructions_max = in.number<std::uint64_t>();
    load.limits.subject_bytes_max = in.number<std::uint64_t>();
    load.limits.repeated_bytes_max = in.number<std::uint64_t>();
    load.limits.output_bytes_max = in.number<std::uint64_t>();
    load.limits.messages_max = in.number<std::uint64_t>();
    load.limits.log_lines_max = in.number<std::uint64_t>();
    load.limits.log_line_bytes_max = in.number<std::uint64_t>();
    load.limits.worker_cpu_max = std::chrono::seconds(in.number<std::uint64_t>());
    load.script = in.text();
    return in.complete() ? std::optional(std::move(load)) : std::nullopt;
}

std::string calls_frame(const std::vector<const ScriptCall*>& calls) {
    Writer out(Kind::calls);
    out.number(static_cast<std::uint32_t>(calls.size()));
    for (const ScriptCall* call : calls) {
        out.number(static_cast<std::uint8_t>(call->direction));
        out.text(call->topic);
        out.text(call->payload);
        out.text(call->product.value);
        out.text(call->device.value);
        out.text(call->gateway ? std::string_view(call->gateway->value) : std::string_view());
    }
    return std::move(out).frame();
}

std::optional<std::vector<ScriptCall>> read_calls(std::string_view frame) {
    Reader in(frame, Kind::calls);
    std::vector<ScriptCall> calls(in.count(call_bytes_min));
    for (ScriptCall& call : calls) {
        call.direction = in.number<std::uint8_t>() == 0 ? ScriptCall::Direction::decode
                                                        : ScriptCall::Direction::encode;
        call.topic = in.text();
        call.payload = in.text();
        call.product = ProductId(in.text());
        call.device = DeviceId(in.text());
        std::string gateway = in.text();
        if (!gateway.empty()) {
            call.gateway = DeviceId(std::move(gateway));
        }
    }
    return in.complete() ? std::optional(std::move(calls)) : std::nullopt;
}

std::string answers_frame(const std::vector<Answer>& answers) {
    Writer out(Kind::answers);
    out.number(static_cast<std::uint32_t>(answers.size()));
    for (const Answer& answer : answers) {
        write_answer(out, answer);
    }
    return std::move(out).frame();
}

std::optional<std::vector<Answer>> read_answers(std::string_view frame) {
    Reader in(frame, Kind::answers);
    const std::uint32_t count = in.count(answer_bytes_min);
    std::vector<Answer> answers;
    for (std::uint32_t i = 0; i < count; ++i) {
        answers.push_back(read_answer(in));
    }
    return in.complete() ? std::optional(std::move(answers)) : std::nullopt;
}

}  // namespace updraft::scripting
