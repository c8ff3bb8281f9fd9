// Many clients that download slowly: each asks for the same file over a connection with a small
// receive buffer and reads a little once a second. Says "reading" on a line once every client has
// its head and first bytes, goes on until its standard input ends, then prints one line of JSON.

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "process.hpp"
#include "stream.hpp"

namespace {

using namespace updraft::bench;

struct Options {
    int port = 0;
    std::string path = "/";
    bool tls = false;
    int readers = 10'000;
    int bytes_per_second = 4096;
    int connecting = 256;
};

struct Reader {
    Stream stream;
    long bytes = 0;
    bool gone = false;
};

class SlowReaders {
public:
    explicit SlowReaders(Options options)
        : options_(std::move(options)), epoll_(::epoll_create1(0)) {}

    void run() {
        request_ = fmt::format("GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", options_.path);
        connect_all();
        std::cout << R"({"reading":)" << readers_.size() << "}" << std::endl;
        const auto began = SteadyClock::now();
        const long before = total();
        while (!input_ended()) {
            read_slice();
        }
        long gone = 0;
        for (const auto& reader : readers_) {
            gone += reader->gone ? 1 : 0;
        }
        std::cout << fmt::format(R"({{"gone":{},"bytes_per_second":{:.0f}}})", gone,
                                 static_cast<double>(total() - before) / seconds_since(began))
                  << std::endl;
    }

private:
    static constexpr int receive_buffer = 8192;
    /// Of a second. The normal client, whose waiting is measured, shares this core: with 50 it
    /// waited for the 2 ms in which two hundred of us read.
    static constexpr int slices = 500;

    void connect_all() {
        std::size_t opened = 0;
        std::size_t begun = 0;
        while (begun < static_cast<std::size_t>(options_.readers)) {
            while (opened < static_cast<std::size_t>(options_.readers) &&
                   opened - begun < static_cast<std::size_t>(options_.connecting)) {
                auto& reader = *readers_.emplace_back(std::make_unique<Reader>());
                reader.stream.open(options_.port, epoll_, &reader, options_.tls ? &tls_ : nullptr,
                                   receive_buffer);
                reader.stream.send(request_);
                ++opened;
            }
            constexpr int events_max = 512;
            epoll_event events[events_max];
            const int count = ::epoll_wait(epoll_, events, events_max, 100);
            for (int i = 0; i < count; ++i) {
                auto& reader = *static_cast<Reader*>(events[i].data.ptr);
                if (reader.bytes == 0) {
                    read(reader);
                    begun += reader.bytes > 0 ? 1 : 0;
                }
            }
        }
    }

    /// The clients of one slice of a second, each its second's worth.
    void read_slice() {
        const auto until = SteadyClock::now() + std::chrono::milliseconds(1000 / slices);
        const std::size_t count = readers_.size() / slices + 1;
        for (std::size_t i = 0; i < count; ++i) {
            read(*readers_[next_++ % readers_.size()]);
        }
        std::this_thread::sleep_until(until);
    }

    void read(Reader& reader) {
        if (reader.gone) {
            return;
        }
        std::array<char, 1U << 16> room;  // not zeroed: ten thousand times a second on this core
        const auto want = static_cast<std::size_t>(options_.bytes_per_second);
        try {
            reader.stream.flush();
            reader.bytes += static_cast<long>(
                reader.stream.receive(std::span(room).first(std::min(room.size(), want))));
        } catch (const std::runtime_error&) {
            reader.gone = true;
            reader.stream.close();
        }
    }

    static bool input_ended() {
        pollfd input{STDIN_FILENO, POLLIN, 0};
        return ::poll(&input, 1, 0) > 0;
    }

    [[nodiscard]] long total() const {
        long bytes = 0;
        for (const auto& reader : readers_) {
            bytes += reader->bytes;
        }
        return bytes;
    }

    Options options_;
    TlsClient tls_;
    int epoll_;
    std::string request_;
    std::vector<std::unique_ptr<Reader>> readers_;
    std::size_t next_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{"Slow readers of one file"};
    app.add_option("--port", options.port)->required();
    app.add_option("--path", options.path)->required();
    app.add_flag("--tls", options.tls);
    app.add_option("--readers", options.readers);
    app.add_option("--bytes-per-second", options.bytes_per_second);
    CLI11_PARSE(app, argc, argv);
    try {
        raise_descriptor_limit();
        SlowReaders(std::move(options)).run();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << error.what() << "\n";
        return 1;
    }
}
