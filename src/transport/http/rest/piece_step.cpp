#include "transport/http/rest/piece_step.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace updraft::rest {

PieceStep::PieceStep(std::size_t bytes_max) : bytes_max_(bytes_max) {
    void* memory =
        ::mmap(nullptr, bytes_max_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw std::bad_alloc();
    }
    memory_ = static_cast<char*>(memory);
}

PieceStep::~PieceStep() {
    ::munmap(memory_, bytes_max_);
}

std::size_t PieceStep::take(std::string_view more) {
    const std::size_t taken = std::min(more.size(), bytes_max_ - size_);
    std::copy_n(more.data(), taken, memory_ + size_);
    size_ += taken;
    return taken;
}

}  // namespace updraft::rest
