#pragma once

#include <cstddef>
#include <string_view>

namespace updraft::rest {

/// Room for a step of an upload in pieces. It comes from the system and goes back to it: the heap
/// would keep it, for each of the worker threads that ever took a piece.
class PieceStep {
public:
    /// Throws std::bad_alloc.
    explicit PieceStep(std::size_t bytes_max);
    ~PieceStep();
    PieceStep(const PieceStep&) = delete;
    PieceStep& operator=(const PieceStep&) = delete;

    /// Takes as much as there is room for; how much that was.
    std::size_t take(std::string_view more);
    [[nodiscard]] bool is_full() const { return size_ == bytes_max_; }
    [[nodiscard]] std::string_view bytes() const { return {memory_, size_}; }
    void clear() { size_ = 0; }

private:
    const std::size_t bytes_max_;
    char* memory_;
    std::size_t size_ = 0;
};

}  // namespace updraft::rest
