// Every input that the fuzzers keep, through the same functions, without a fuzzer: the seeds of
// corpus/, and what was found once in findings/. An input that breaks a property ends the program,
// and the line before that names its file.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "tests/fuzz/fuzz_target.hpp"

namespace updraft::fuzz {
namespace {

namespace fs = std::filesystem;

const fs::path folder = UPDRAFT_FUZZ_FOLDER;

std::string bytes_of(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::vector<fs::path> inputs_of(std::string_view target) {
    std::vector<fs::path> files;
    for (const char* kind : {"corpus", "findings"}) {
        const fs::path inputs = folder / kind / target;
        if (fs::is_directory(inputs)) {
            std::ranges::copy(fs::directory_iterator(inputs), std::back_inserter(files));
        }
    }
    std::ranges::sort(files);
    return files;
}

/// All inputs of one target, each also without its last bytes, as a network cuts it.
class Replay : public testing::Test {
public:
    explicit Replay(Target target) : target_(target) {}
    void TestBody() override {
        const std::vector<fs::path> files = inputs_of(target_.name);
        EXPECT_FALSE(files.empty()) << "there are no seeds in corpus/" << target_.name;
        for (const fs::path& file : files) {
            std::cerr << file.string() << '\n';
            const std::string input = bytes_of(file);
            target_.take(input);
            target_.take(std::string_view(input).substr(0, input.size() - input.size() / 3));
        }
    }

private:
    Target target_;
};

// A folder of inputs whose target is gone, or has another name, would never run again.
TEST(FuzzInputs, AllHaveATarget) {
    std::set<std::string> names;
    for (const Target& target : targets()) {
        names.emplace(target.name);
    }
    for (const char* kind : {"corpus", "findings"}) {
        std::error_code none_yet;
        for (const auto& entry : fs::directory_iterator(folder / kind, none_yet)) {
            EXPECT_TRUE(names.contains(entry.path().filename())) << entry.path();
        }
    }
}

}  // namespace
}  // namespace updraft::fuzz

int main(int argc, char** argv) {
    using namespace updraft::fuzz;
    testing::InitGoogleTest(&argc, argv);
    for (const Target& target : targets()) {
        testing::RegisterTest("FuzzReplay", std::string(target.name).c_str(), nullptr, nullptr,
                              __FILE__, __LINE__,
                              [target]() -> Replay* { return new Replay(target); });
    }
    return RUN_ALL_TESTS();
}
