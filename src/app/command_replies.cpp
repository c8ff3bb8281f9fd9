#include "app/command_replies.hpp"

namespace updraft {

Result<CommandReplies::Waiting> CommandReplies::expect(const DeviceId& device,
                                                       const std::string& message_id) {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= waiting_max_) {
        return Error::of(ErrorCode::unavailable,
                         text("等待设备回复的指令过多, 请稍后重试",
                              "too many commands wait for an answer, try again shortly"));
    }
    if (!waiting_.try_emplace({device, message_id}).second) {
        return Error::of(
            ErrorCode::duplicate_key,
            text("消息ID {} 正在等待回复", "message id {} is waiting for its answer", message_id));
    }
    return Waiting(*this, device, message_id);
}

bool CommandReplies::complete(const DeviceId& device, const std::string& message_id,
                              std::string payload) {
    {
        const std::scoped_lock lock(mutex_);
        const auto found = waiting_.find({device, message_id});
        if (found == waiting_.end() || found->second) {
            return false;
        }
        found->second = std::move(payload);
    }
    answered_.notify_all();
    return true;
}

CommandReplies::Waiting::~Waiting() {
    if (replies_ != nullptr) {
        const std::scoped_lock lock(replies_->mutex_);
        replies_->waiting_.erase(key_);
    }
}

std::optional<std::string> CommandReplies::Waiting::wait(milliseconds limit) {
    std::unique_lock lock(replies_->mutex_);
    const auto answer = replies_->waiting_.find(key_);
    replies_->answered_.wait_for(lock, limit, [&] { return answer->second.has_value(); });
    return std::exchange(answer->second, std::nullopt);
}

}  // namespace updraft
