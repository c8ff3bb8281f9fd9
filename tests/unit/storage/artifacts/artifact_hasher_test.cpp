#include "storage/artifacts/artifact_hasher.hpp"

#include <gtest/gtest.h>

#include <random>

namespace updraft {
namespace {

std::string random_bytes(std::size_t count, std::mt19937& source) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) {
        byte = static_cast<char>(source());
    }
    return bytes;
}

void expect_equal(const ArtifactDigests& a, const ArtifactDigests& b, std::size_t size) {
    EXPECT_EQ(a.size_bytes, b.size_bytes) << size;
    EXPECT_EQ(a.md5, b.md5) << size;
    EXPECT_EQ(a.sha1, b.sha1) << size;
    EXPECT_EQ(a.sha256, b.sha256) << size;
}

struct Hasher : testing::TestWithParam<ArtifactHasher::Way> {
    DigestAlgorithms algorithms;
};
INSTANTIATE_TEST_SUITE_P(Ways, Hasher,
                         testing::Values(ArtifactHasher::Way::fastest,
                                         ArtifactHasher::Way::openssl));

TEST_P(Hasher, GivesTheDigestsOfTheStandards) {
    ArtifactHasher nothing(algorithms, GetParam());
    const ArtifactDigests empty = nothing.finish();
    EXPECT_EQ(empty.md5, "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(empty.sha1, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    EXPECT_EQ(empty.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    ArtifactHasher hasher(algorithms, GetParam());
    hasher.update("a");
    hasher.update("");
    hasher.update("bc");
    const ArtifactDigests abc = hasher.finish();
    EXPECT_EQ(abc.size_bytes, 3);
    EXPECT_EQ(abc.md5, "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(abc.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(abc.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// Every length around the ends of blocks, where the padding takes one block or two, and every cut.
TEST_F(Hasher, BothWaysAgreeAtEveryLengthAndCut) {
    std::mt19937 source(20'231'123);
    const std::string bytes = random_bytes(400, source);
    for (std::size_t size = 0; size <= bytes.size(); ++size) {
        const std::string_view whole = std::string_view(bytes).substr(0, size);
        ArtifactHasher reference(algorithms, ArtifactHasher::Way::openssl);
        reference.update(whole);
        const ArtifactDigests expected = reference.finish();
        for (std::size_t cut = 0; cut <= size; cut += 7) {
            ArtifactHasher hasher(algorithms);
            hasher.update(whole.substr(0, cut));
            hasher.update(whole.substr(cut));
            expect_equal(hasher.finish(), expected, size);
        }
    }
}

TEST_F(Hasher, BothWaysAgreeOnLargeStreamsInOddPieces) {
    std::mt19937 source(4'711);
    for (int round = 0; round < 8; ++round) {
        const std::string bytes = random_bytes(300'000 + source() % 1'000, source);
        ArtifactHasher reference(algorithms, ArtifactHasher::Way::openssl);
        reference.update(bytes);
        ArtifactHasher hasher(algorithms);
        std::string_view rest = bytes;
        while (!rest.empty()) {
            const std::string_view piece = rest.substr(0, 1 + source() % 10'000);
            hasher.update(piece);
            rest.remove_prefix(piece.size());
        }
        expect_equal(hasher.finish(), reference.finish(), bytes.size());
    }
}

}  // namespace
}  // namespace updraft
