// The contract of ArtifactStore, for every kind of store in stores() below.

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "storage/artifacts/artifact_files.hpp"

namespace updraft::contract {
namespace {

/// A place that holds artifacts, which outlives the stores opened on it.
class ArtifactPlace {
public:
    virtual ~ArtifactPlace() = default;
    [[nodiscard]] virtual std::unique_ptr<ArtifactStore> open() = 0;
};

struct ArtifactStoreKind {
    std::string name;
    std::function<std::unique_ptr<ArtifactPlace>()> make_place;
};

void PrintTo(const ArtifactStoreKind& kind, std::ostream* out) {
    *out << kind.name;
}

class FolderPlace final : public ArtifactPlace {
public:
    FolderPlace() : folder_(std::filesystem::path(testing::TempDir()) / random_hex(16)) {}
    FolderPlace(const FolderPlace&) = delete;
    FolderPlace& operator=(const FolderPlace&) = delete;
    ~FolderPlace() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    std::unique_ptr<ArtifactStore> open() override { return open_artifact_files(folder_.string()); }

private:
    const std::filesystem::path folder_;
};

std::vector<ArtifactStoreKind> stores() {
    return {{"files", [] { return std::make_unique<FolderPlace>(); }}};
}

/// Digests as OpenSSL gives them in one call: not the code under test.
std::string digest_of(const EVP_MD* algorithm, std::string_view bytes) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned int length = 0;
    EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, algorithm, nullptr);
    return to_hex(std::span(digest).first(length));
}
std::string md5_of(std::string_view bytes) {
    return digest_of(EVP_md5(), bytes);
}
std::string sha256_of(std::string_view bytes) {
    return digest_of(EVP_sha256(), bytes);
}

/// The same bytes for the same seed, of a kind that no two places of the file are alike.
std::string noise(std::size_t size, unsigned seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    std::ranges::generate(bytes, [&] { return static_cast<char>(random()); });
    return bytes;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Later than anything the tests upload.
Instant tomorrow() {
    return SystemClock().now() + std::chrono::hours(24);
}
Instant yesterday() {
    return SystemClock().now() - std::chrono::hours(24);
}

class ArtifactStoreContract : public testing::TestWithParam<ArtifactStoreKind> {
protected:
    ArtifactStoreContract() : place_(GetParam().make_place()), store_(place_->open()) {}

    void reopen() {
        store_.reset();
        store_ = place_->open();
    }
    ArtifactDigests upload(std::string_view bytes) const {
        const auto writer = store_->begin();
        writer->write(bytes);
        return writer->finish();
    }
    /// Sends bytes [begin, end) of `whole` as one piece of `session`.
    Result<std::optional<ArtifactDigests>> send(const std::string& session, std::string_view whole,
                                                std::size_t begin, std::size_t end) const {
        return store_->write_piece(session, static_cast<std::int64_t>(begin),
                                   static_cast<std::int64_t>(whole.size()),
                                   whole.substr(begin, end - begin));
    }
    /// True if the store gives back exactly these bytes.
    bool holds(std::string_view bytes) const {
        const auto path = store_->path_of(sha256_of(bytes));
        return path && content_of(*path) == bytes;
    }
    std::int64_t received(const std::string& session) const {
        const auto upload = store_->partial(session);
        return upload ? upload->received_bytes : -1;
    }

    /// All that each() tells.
    std::vector<std::pair<std::string, Instant>> artifacts() const {
        std::vector<std::pair<std::string, Instant>> found;
        store_->each([&](const std::string& sha256, Instant changed_at) {
            found.emplace_back(sha256, changed_at);
            return true;
        });
        return found;
    }

    std::unique_ptr<ArtifactPlace> place_;
    std::unique_ptr<ArtifactStore> store_;
};

void expect_digests(const std::optional<ArtifactDigests>& digests, std::string_view bytes) {
    ASSERT_TRUE(digests.has_value());
    EXPECT_EQ(digests->size_bytes, static_cast<std::int64_t>(bytes.size()));
    EXPECT_EQ(digests->md5, md5_of(bytes));
    EXPECT_EQ(digests->sha256, sha256_of(bytes));
}

/// A refusal of `property` whose text names the wrong value and the limit, in both languages.
void expect_refusal(const Result<std::optional<ArtifactDigests>>& outcome,
                    const std::string& property, const std::string& value,
                    const std::string& limit) {
    ASSERT_FALSE(outcome.has_value());
    EXPECT_EQ(outcome.error().code, ErrorCode::invalid_argument);
    ASSERT_EQ(outcome.error().fields.size(), 1U);
    EXPECT_EQ(outcome.error().fields[0].property, property);
    for (const std::string& sentence : {outcome.error().message.zh, outcome.error().message.en}) {
        EXPECT_NE(sentence.find(value), std::string::npos) << sentence;
        EXPECT_NE(sentence.find(limit), std::string::npos) << sentence;
    }
}

// The digests are those of the interface's documentation (spec 2.5), not only our own idea of them.
TEST_P(ArtifactStoreContract, GivesTheDigestsOfTheSpecification) {
    const ArtifactDigests digests = upload("hello firmware");

    EXPECT_EQ(digests.size_bytes, 14);
    EXPECT_EQ(digests.md5, "5d99b396caab4bfae4e25207b62b30e2");
    EXPECT_EQ(digests.sha256, "836bdaaef7134e769cf2c51b1494bb1602a3975412f7893e8b153ce20bbf3acd");
    EXPECT_TRUE(holds("hello firmware"));
}

TEST_P(ArtifactStoreContract, AnEmptyFileIsAnArtifactToo) {
    const ArtifactDigests digests = store_->begin()->finish();

    expect_digests(digests, "");
    EXPECT_TRUE(holds(""));
}

// Chunks of odd sizes: a writer that hashes or places chunks by their size gets this wrong.
TEST_P(ArtifactStoreContract, ALargeFileInOddChunksIsStoredByteForByte) {
    const std::string bytes = noise(5 * 1024 * 1024, 1);
    const auto writer = store_->begin();
    for (std::size_t at = 0, step = 1; at < bytes.size(); at += step, step = step * 3 + 7) {
        step = std::min(step, bytes.size() - at);
        writer->write(std::string_view(bytes).substr(at, step));
    }

    expect_digests(writer->finish(), bytes);
    EXPECT_TRUE(holds(bytes));
}

TEST_P(ArtifactStoreContract, TheSameContentTwiceIsOneArtifact) {
    const ArtifactDigests first = upload("twice");
    const auto path = store_->path_of(first.sha256);

    const ArtifactDigests second = upload("twice");

    EXPECT_EQ(second.sha256, first.sha256);
    EXPECT_EQ(second.size_bytes, first.size_bytes);
    EXPECT_EQ(store_->path_of(second.sha256), path);
    EXPECT_TRUE(holds("twice"));
}

TEST_P(ArtifactStoreContract, AnArtifactOutlivesTheStore) {
    upload("kept");

    reopen();

    EXPECT_TRUE(holds("kept"));
}

TEST_P(ArtifactStoreContract, AnAbandonedWriterLeavesNoArtifact) {
    store_->begin()->write("never finished");

    EXPECT_FALSE(store_->path_of(sha256_of("never finished")));
}

// An address comes out of the database or a URL: it must not lead out of the store.
TEST_P(ArtifactStoreContract, WhatIsNoDigestHasNoPath) {
    upload("there");

    EXPECT_FALSE(store_->path_of(""));
    EXPECT_FALSE(store_->path_of("../../../../../../etc/passwd"));
    EXPECT_FALSE(store_->path_of(sha256_of("there") + "0"));
    EXPECT_FALSE(store_->path_of(sha256_of("not there")));
    EXPECT_NO_THROW(store_->remove("../../../../../../etc/passwd"));
}

TEST_P(ArtifactStoreContract, RemoveTakesThatArtifactOnly) {
    upload("goes");
    upload("stays");

    store_->remove(sha256_of("goes"));

    EXPECT_FALSE(store_->path_of(sha256_of("goes")));
    EXPECT_TRUE(holds("stays"));
}

TEST_P(ArtifactStoreContract, RemovingWhatIsMissingIsFine) {
    EXPECT_NO_THROW(store_->remove(sha256_of("never stored")));
}

TEST_P(ArtifactStoreContract, WhatWasRemovedCanBeUploadedAgain) {
    upload("again");
    store_->remove(sha256_of("again"));

    upload("again");

    EXPECT_TRUE(holds("again"));
}

TEST_P(ArtifactStoreContract, PiecesInOrderMakeTheFile) {
    const std::string bytes = noise(1000, 2);

    EXPECT_FALSE(send("s", bytes, 0, 400)->has_value());
    EXPECT_FALSE(send("s", bytes, 400, 800)->has_value());
    EXPECT_FALSE(store_->path_of(sha256_of(bytes)));
    const auto last = send("s", bytes, 800, 1000);

    expect_digests(*last, bytes);
    EXPECT_TRUE(holds(bytes));
    EXPECT_EQ(received("s"), 1000);
    store_->forget_partial("s");
    EXPECT_FALSE(store_->partial("s"));
    EXPECT_TRUE(holds(bytes));
}

TEST_P(ArtifactStoreContract, PiecesMayComeInAnyOrder) {
    const std::string bytes = noise(10'000, 3);
    std::vector<std::size_t> starts;
    for (std::size_t at = 0; at < bytes.size(); at += 100) {
        starts.push_back(at);
    }
    std::ranges::shuffle(starts, std::mt19937(4));

    std::optional<ArtifactDigests> digests;
    for (const std::size_t at : starts) {
        ASSERT_FALSE(digests.has_value());
        digests = *send("s", bytes, at, at + 100);
    }

    expect_digests(digests, bytes);
    EXPECT_TRUE(holds(bytes));
}

// A client that got no answer sends a piece again, or another cut of the same bytes.
TEST_P(ArtifactStoreContract, OverlappingAndRepeatedPiecesCountOnce) {
    const std::string bytes = noise(1000, 5);

    ASSERT_TRUE(send("s", bytes, 0, 300).has_value());
    ASSERT_TRUE(send("s", bytes, 0, 300).has_value());
    EXPECT_EQ(received("s"), 300);
    ASSERT_TRUE(send("s", bytes, 200, 500).has_value());
    EXPECT_EQ(received("s"), 500);
    ASSERT_TRUE(send("s", bytes, 600, 1000).has_value());
    EXPECT_EQ(received("s"), 900);
    ASSERT_TRUE(send("s", bytes, 100, 450).has_value());
    EXPECT_EQ(received("s"), 900);

    expect_digests(*send("s", bytes, 450, 650), bytes);
    EXPECT_TRUE(holds(bytes));
}

// The file is what was sent last: its digests are of those bytes, whatever was known before.
TEST_P(ArtifactStoreContract, APieceSentAgainWithOtherBytesIsOfTheFile) {
    const std::string first = noise(1000, 8);
    const std::string bytes = noise(1000, 9);

    ASSERT_TRUE(send("s", first, 0, 600).has_value());
    ASSERT_TRUE(send("s", bytes, 0, 600).has_value());
    expect_digests(*send("s", bytes, 600, 1000), bytes);

    const std::string mixed = bytes.substr(0, 200) + first.substr(200, 200) + bytes.substr(400);
    ASSERT_TRUE(send("t", bytes, 0, 600).has_value());
    ASSERT_TRUE(send("t", mixed, 200, 400).has_value());
    expect_digests(*send("t", mixed, 600, 1000), mixed);
    EXPECT_TRUE(holds(mixed));
}

TEST_P(ArtifactStoreContract, PartialTellsLengthAndProgress) {
    const std::string bytes = noise(1000, 6);
    EXPECT_FALSE(store_->partial("s"));

    ASSERT_TRUE(send("s", bytes, 100, 250).has_value());

    const auto upload = store_->partial("s");
    ASSERT_TRUE(upload);
    EXPECT_EQ(upload->session, "s");
    EXPECT_EQ(upload->length_bytes, 1000);
    EXPECT_EQ(upload->received_bytes, 150);
    EXPECT_EQ(upload->next_offset, 0);

    ASSERT_TRUE(send("s", bytes, 0, 60).has_value());
    EXPECT_EQ(store_->partial("s")->next_offset, 60);
    ASSERT_TRUE(send("s", bytes, 60, 100).has_value());
    EXPECT_EQ(store_->partial("s")->next_offset, 250);
}

// What was acknowledged is on the disk: a restart in the middle of an upload costs nothing.
TEST_P(ArtifactStoreContract, PiecesSurviveAReopen) {
    const std::string bytes = noise(1000, 7);
    ASSERT_TRUE(send("s", bytes, 700, 1000).has_value());
    reopen();
    EXPECT_EQ(received("s"), 300);
    ASSERT_TRUE(send("s", bytes, 0, 400).has_value());
    reopen();

    expect_digests(*send("s", bytes, 400, 700), bytes);
    EXPECT_TRUE(holds(bytes));
}

TEST_P(ArtifactStoreContract, OnePieceMayBeTheWholeFile) {
    expect_digests(*send("s", "all at once", 0, 11), "all at once");
    store_->forget_partial("s");
    EXPECT_FALSE(store_->partial("s"));
}

TEST_P(ArtifactStoreContract, SessionsAreApart) {
    const std::string first = noise(100, 8);
    const std::string second = noise(200, 9);
    ASSERT_TRUE(send("a", first, 0, 50).has_value());
    ASSERT_TRUE(send("b", second, 0, 50).has_value());

    expect_digests(*send("a", first, 50, 100), first);
    EXPECT_EQ(received("b"), 50);
    expect_digests(*send("b", second, 50, 200), second);
}

TEST_P(ArtifactStoreContract, AFinishedSessionMayBeginAnew) {
    expect_digests(*send("s", "one", 0, 3), "one");

    ASSERT_TRUE(send("s", "second", 0, 3).has_value());

    expect_digests(*send("s", "second", 3, 6), "second");
    EXPECT_TRUE(holds("one"));
}

// The session comes from a client: no name of it may leave the store's place or clash.
TEST_P(ArtifactStoreContract, ASessionMayHaveAnyName) {
    const std::vector<std::string> names{
        "", "..", "../../x", "a/b", std::string(5000, 'x'), std::string("a\0b", 3), "升级"};
    for (const std::string& name : names) {
        ASSERT_TRUE(send(name, "twelve bytes", 0, 6).has_value());
    }
    for (const std::string& name : names) {
        EXPECT_EQ(received(name), 6);
        expect_digests(*send(name, "twelve bytes", 6, 12), "twelve bytes");
    }
}

TEST_P(ArtifactStoreContract, AnotherLengthThanTheFirstPiecesIsRefused) {
    ASSERT_TRUE(store_->write_piece("s", 0, 1000, "abc").has_value());

    expect_refusal(store_->write_piece("s", 3, 999, "def"), "length", "999", "1000");
    EXPECT_EQ(received("s"), 3);
}

TEST_P(ArtifactStoreContract, ANegativeLengthIsRefused) {
    expect_refusal(store_->write_piece("s", 0, -5, ""), "length", "-5", "0");
    EXPECT_FALSE(store_->partial("s"));
}

TEST_P(ArtifactStoreContract, APieceOutsideTheFileIsRefused) {
    constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();

    expect_refusal(store_->write_piece("s", -1, 10, "abc"), "offset", "-1", "10");
    expect_refusal(store_->write_piece("s", 8, 10, "abc"), "offset", "8", "10");
    expect_refusal(store_->write_piece("s", 11, 10, ""), "offset", "11", "10");
    expect_refusal(store_->write_piece("s", 0, 2, "abc"), "offset", "3", "2");
    expect_refusal(store_->write_piece("s", largest, 10, "abc"), "offset", std::to_string(largest),
                   "10");
    EXPECT_FALSE(store_->partial("s"));
}

TEST_P(ArtifactStoreContract, AbandonedPiecesGo) {
    ASSERT_TRUE(send("s", "twelve bytes", 0, 6).has_value());

    store_->remove_abandoned(tomorrow());

    EXPECT_FALSE(store_->partial("s"));
    expect_digests(*send("s", "another", 0, 7), "another");
}

TEST_P(ArtifactStoreContract, RecentPiecesAndArtifactsStay) {
    upload("artifact");
    ASSERT_TRUE(send("s", "twelve bytes", 0, 6).has_value());

    store_->remove_abandoned(yesterday());
    EXPECT_EQ(received("s"), 6);

    store_->remove_abandoned(tomorrow());
    EXPECT_TRUE(holds("artifact"));
}

TEST_P(ArtifactStoreContract, EachTellsEveryArtifactAndWhenItWasUploaded) {
    EXPECT_TRUE(artifacts().empty());
    upload("one");
    upload("two");
    upload("gone");
    store_->remove(sha256_of("gone"));
    ASSERT_TRUE(send("in pieces", "twelve bytes", 0, 6).has_value());
    expect_digests(*send("whole", "all at once", 0, 11), "all at once");
    const auto unfinished = store_->begin();
    unfinished->write("unfinished");
    reopen();

    const auto found = artifacts();

    std::set<std::string> addresses;
    for (const auto& [sha256, changed_at] : found) {
        addresses.insert(sha256);
        EXPECT_GT(changed_at, yesterday());
        EXPECT_LT(changed_at, tomorrow());
    }
    EXPECT_EQ(addresses, (std::set{sha256_of("one"), sha256_of("two"), sha256_of("all at once")}));
    EXPECT_EQ(found.size(), addresses.size());
}

TEST_P(ArtifactStoreContract, EachStopsWhenItIsToldTo) {
    for (const char* bytes : {"a", "b", "c", "d"}) {
        upload(bytes);
    }
    int told = 0;

    store_->each([&](const std::string&, Instant) { return ++told < 2; });

    EXPECT_EQ(told, 2);
}

TEST_P(ArtifactStoreContract, EachMayRemoveWhatItIsTold) {
    for (const char* bytes : {"a", "b", "c", "d"}) {
        upload(bytes);
    }

    store_->each([&](const std::string& sha256, Instant) {
        store_->remove(sha256);
        return true;
    });

    EXPECT_TRUE(artifacts().empty());
}

TEST_P(ArtifactStoreContract, ConcurrentWritersOfTheSameAndOtherContentAllSucceed) {
    constexpr unsigned writers = 8;
    const std::string shared = noise(300'000, 10);
    std::vector<std::jthread> threads;
    std::array<std::string, 2 * writers> addresses;
    for (unsigned i = 0; i < writers; ++i) {
        threads.emplace_back([&, i] {
            addresses[2 * i] = upload(shared).sha256;
            addresses[2 * i + 1] = upload(noise(100'000, 100 + i)).sha256;
        });
    }
    threads.clear();

    EXPECT_TRUE(holds(shared));
    for (unsigned i = 0; i < writers; ++i) {
        EXPECT_EQ(addresses[2 * i], sha256_of(shared));
        EXPECT_TRUE(holds(noise(100'000, 100 + i)));
    }
}

// A browser sends several pieces at once: exactly one of them is the last.
TEST_P(ArtifactStoreContract, ConcurrentPiecesOfOneSessionMakeOneFile) {
    constexpr std::size_t senders = 4;
    constexpr std::size_t piece = 5000;
    const std::string bytes = noise(senders * 20 * piece, 11);
    std::array<std::vector<ArtifactDigests>, senders> finished;
    std::vector<std::jthread> threads;
    for (std::size_t sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (std::size_t at = sender * piece; at < bytes.size(); at += senders * piece) {
                const auto outcome = send("s", bytes, at, at + piece);
                if (outcome && *outcome) {
                    finished[sender].push_back(**outcome);
                }
            }
        });
    }
    threads.clear();

    std::vector<ArtifactDigests> all;
    for (const auto& some : finished) {
        all.insert(all.end(), some.begin(), some.end());
    }
    ASSERT_EQ(all.size(), 1U);
    expect_digests(all[0], bytes);
    EXPECT_TRUE(holds(bytes));
}

// Two clients share a session by mistake: the file may be a mixture of both, but once it is an
// artifact no late piece may change it any more.
TEST_P(ArtifactStoreContract, ALatePieceNeverChangesAFinishedArtifact) {
    constexpr std::size_t half = 2000;
    for (unsigned round = 0; round < 40; ++round) {
        std::array<std::vector<std::string>, 4> finished;
        {
            std::vector<std::jthread> threads;
            for (unsigned own = 0; own < finished.size(); ++own) {
                threads.emplace_back([&, own] {
                    const std::string bytes = noise(2 * half, 1000 * round + own);
                    for (const std::size_t at : {std::size_t{0}, half}) {
                        const auto outcome = send("s", bytes, at, at + half);
                        if (outcome && *outcome) {
                            finished[own].push_back((*outcome)->sha256);
                        }
                    }
                });
            }
        }
        for (const auto& addresses : finished) {
            for (const std::string& address : addresses) {
                const auto path = store_->path_of(address);
                ASSERT_TRUE(path);
                ASSERT_EQ(sha256_of(content_of(*path)), address);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Stores, ArtifactStoreContract, testing::ValuesIn(stores()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace updraft::contract
