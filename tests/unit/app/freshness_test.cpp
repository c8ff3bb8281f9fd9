#include "app/freshness.hpp"

#include <gtest/gtest.h>

#include <future>

#include "app/remembered.hpp"
#include "tests/support/domain_builders.hpp"
#include "tests/support/memory_store.hpp"

namespace updraft {
namespace {

const DeviceId device{"d1"};
const Fingerprint question = fingerprint_of({"poll", "d1"});

TEST(Freshness, AStampEndsWithAChangeOfItsOwnOrOfEverything) {
    Freshness freshness;
    Freshness::Written written;
    const auto of_device = freshness.stamp(device);
    const auto of_file = freshness.stamp(FileId{"d1"});
    freshness.changed(written);
    EXPECT_EQ(freshness.stamp(device), of_device);

    written.note(device);
    freshness.changed(written);
    EXPECT_NE(freshness.stamp(device), of_device);
    EXPECT_EQ(freshness.stamp(FileId{"d1"}), of_file);
    const auto next = freshness.stamp(device);

    written.clear();
    written.note_everything();
    freshness.changed(written);
    EXPECT_NE(freshness.stamp(device), next);
    EXPECT_NE(freshness.stamp(FileId{"d1"}), of_file);
}

// Whoever revokes a credential may rely on the answer: a stamp taken after it is another one.
TEST(Freshness, TheStoreTellsBeforeItAnswers) {
    const auto freshness = std::make_shared<Freshness>();
    SqliteOptions options;
    options.freshness = freshness;
    const auto store = open_sqlite_store(options);
    const auto before = freshness->stamp(device);
    std::promise<Freshness::Stamp> at_completion;
    store->submit(
        [](UnitOfWork& work) {
            work.devices().set_state(device, DeviceState::not_active);
            return true;
        },
        [&](const std::exception_ptr&) { at_completion.set_value(freshness->stamp(device)); });
    EXPECT_NE(at_completion.get_future().get(), before);
}

// A reader that began before the commit has seen what is over: it must not be remembered.
TEST(Freshness, WhatWasReadBeforeAChangeIsNotFoundAfterIt) {
    Freshness freshness;
    Remembered<int> answers(16);
    const auto stamp = freshness.stamp(device);
    Freshness::Written written;
    written.note(device);
    freshness.changed(written);
    answers.keep(question, stamp, 1);
    EXPECT_FALSE(answers.find(question, freshness.stamp(device)));
}

TEST(Remembered, GivesTheAnswerToItsQuestionWhileTheStampHolds) {
    Remembered<int> answers(16);
    EXPECT_FALSE(answers.find(question, 7));
    answers.keep(question, 7, 1);
    EXPECT_EQ(answers.find(question, 7), 1);
    EXPECT_FALSE(answers.find(question, 8));
    EXPECT_FALSE(answers.find(fingerprint_of({"poll", "d2"}), 7));
    answers.keep(question, 8, 2);
    EXPECT_EQ(answers.find(question, 8), 2);
    EXPECT_FALSE(answers.find(question, 7));
}

TEST(Remembered, HasRoomForSoManyAndKeepsTheNewest) {
    Remembered<int> answers(64);
    int found = 0;
    for (int i = 0; i < 10'000; ++i) {
        const Fingerprint each = fingerprint_of({std::to_string(i)});
        answers.keep(each, 0, i);
        EXPECT_EQ(answers.find(each, 0), i);
    }
    for (int i = 0; i < 10'000; ++i) {
        const auto answer = answers.find(fingerprint_of({std::to_string(i)}), 0);
        found += answer ? 1 : 0;
        EXPECT_TRUE(!answer || *answer == i);
    }
    EXPECT_EQ(found, 64);
}

TEST(Remembered, WithoutRoomItRemembersNothing) {
    Remembered<int> answers(0);
    answers.keep(question, 0, 1);
    EXPECT_FALSE(answers.find(question, 0));
}

TEST(Fingerprint, TellsApartWhatIsCutInAnotherPlace) {
    EXPECT_EQ(fingerprint_of({"a", "b"}), fingerprint_of({"a", "b"}));
    EXPECT_NE(fingerprint_of({"ab", ""}), fingerprint_of({"a", "b"}));
    EXPECT_NE(fingerprint_of({"a", "b"}), fingerprint_of({"b", "a"}));
    EXPECT_NE(fingerprint_of({"ab"}), fingerprint_of({"ab", ""}));
}

}  // namespace
}  // namespace updraft
