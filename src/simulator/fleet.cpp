#include "simulator/fleet.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <fstream>
#include <future>
#include <random>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/log.hpp"

namespace updraft::simulator {

namespace {

std::map<std::string, std::string> load_versions(const std::filesystem::path& file) {
    std::map<std::string, std::string> versions;
    if (file.empty()) {
        return versions;
    }
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        // A version may hold spaces, a device id may not.
        const std::size_t space = line.find(' ');
        if (space != std::string::npos && space + 1 < line.size()) {
            versions[line.substr(0, space)] = line.substr(space + 1);
        }
    }
    return versions;
}

std::uint64_t random_seed() {
    std::random_device source;
    return (std::uint64_t{source()} << 32 | source()) | 1;
}

std::size_t loop_count(const FleetOptions& options) {
    const std::size_t cores = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4);
    return options.threads > 0 ? options.threads : cores;
}

}  // namespace

FleetStatistics FleetCounters::snapshot() const {
    FleetStatistics statistics;
    statistics.connected = connected;
    statistics.upgrading = upgrading;
    statistics.downloading = downloading;
    statistics.succeeded = succeeded;
    statistics.failed = failed;
    statistics.refused = refused;
    statistics.connects = connects;
    statistics.connects_failed = connects_failed;
    statistics.sign_ins_refused = sign_ins_refused;
    statistics.downloads_resumed = downloads_resumed;
    statistics.bytes_downloaded = bytes_downloaded;
    statistics.messages_sent = messages_sent;
    statistics.messages_received = messages_received;
    return statistics;
}

std::string device_id(const FleetOptions& options, std::size_t index) {
    return fmt::format("{}{:0{}}", options.id_prefix,
                       options.first_number + static_cast<long>(index),
                       std::max(options.digits, 1));
}

Fleet::Fleet(FleetOptions options) : known_versions_(load_versions(options.state_file)) {
    context_.options = std::move(options);
    if (context_.options.seed == 0) {
        context_.options.seed = random_seed();
    }
    context_.tls =
        client::make_client_tls_context(context_.options.ca_file, context_.options.verify);
    loops_ = std::make_unique<net::EventLoops>(loop_count(context_.options));
    const std::size_t loops = loops_->size();
    for (std::size_t i = 0; i < loops; ++i) {
        const std::size_t downloads = (context_.options.downloads_max + loops - 1 - i) / loops;
        const double connects = context_.options.connects_per_second / static_cast<double>(loops);
        shards_.push_back(std::make_unique<Shard>(loops_->at(i), downloads, connects));
    }
    devices_.resize(loops);
}

Fleet::~Fleet() {
    try {
        stop();
    } catch (const std::exception& error) {
        log::error("simulator", "versions not kept what={}", error.what());
    }
    devices_.clear();  // their timers belong to the loops
}

void Fleet::start() {
    if (std::exchange(started_, true)) {
        return;
    }
    make_devices();
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        // Started on the loop itself: the devices of a shard are touched there only.
        boost::asio::post(loops_->at(i), [this, i] {
            for (const auto& device : devices_[i]) {
                shards_[i]->start("device " + device->id(), device->run());
            }
        });
    }
}

void Fleet::make_devices() {
    const FleetOptions& options = context_.options;
    Dice seeds(options.seed);
    for (std::size_t index = 0; index < options.count; ++index) {
        std::string id = device_id(options, index);
        const auto known = known_versions_.find(id);
        std::string version =
            known == known_versions_.end() ? options.initial_version : known->second;
        const std::size_t shard = index % shards_.size();
        devices_[shard].push_back(std::make_unique<VirtualDevice>(
            context_, *shards_[shard], std::move(id), std::move(version), seeds.next()));
    }
    known_versions_.clear();
}

void Fleet::stop() {
    if (std::exchange(stopped_, true)) {
        return;
    }
    std::vector<std::future<void>> told;
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        const auto done = std::make_shared<std::promise<void>>();
        told.push_back(done->get_future());
        boost::asio::post(loops_->at(i), [this, i, done] {
            shards_[i]->stop();
            done->set_value();
        });
    }
    for (std::size_t i = 0; i < shards_.size(); ++i) {
        told[i].wait();
        shards_[i]->wait_until_idle();
    }
    loops_->stop();
    if (started_) {
        save_versions();
    }
}

void Fleet::for_each_device(const std::function<void(const VirtualDevice&)>& visit) const {
    for (std::size_t i = 0; i < devices_.size(); ++i) {
        const auto visit_all = [&] {
            for (const auto& device : devices_[i]) {
                visit(*device);
            }
        };
        if (stopped_ || !started_) {
            visit_all();
            continue;
        }
        std::promise<void> done;
        boost::asio::post(loops_->at(i), [&] {
            visit_all();
            done.set_value();
        });
        done.get_future().wait();
    }
}

std::map<std::string, std::size_t> Fleet::versions() const {
    std::map<std::string, std::size_t> counts;
    for_each_device([&](const VirtualDevice& device) { ++counts[device.version()]; });
    return counts;
}

void Fleet::save_versions() const {
    const std::filesystem::path& file = context_.options.state_file;
    if (file.empty()) {
        return;
    }
    std::filesystem::path fresh = file;
    fresh += ".new";
    {
        std::ofstream out(fresh);
        for_each_device([&](const VirtualDevice& device) {
            fmt::print(out, "{} {}\n", device.id(), device.version());
        });
        out.flush();
        if (!out) {
            throw std::runtime_error(
                fmt::format("cannot write the versions to {}", fresh.string()));
        }
    }
    std::error_code error;
    std::filesystem::rename(fresh, file, error);
    if (error) {
        throw std::runtime_error(
            fmt::format("cannot write {}: {}", file.string(), error.message()));
    }
}

}  // namespace updraft::simulator
