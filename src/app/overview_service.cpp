#include "app/overview_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace updraft {
namespace {

constexpr std::size_t products_max = 50;
constexpr std::size_t versions_max = 8;
constexpr std::int64_t tasks_max = 10;
constexpr int days_shown = 14;

Overview::RunningTasks running_tasks(const Repositories& rows) {
    Query query;
    query.page_size = tasks_max;
    query.terms = {term("state", "processing")};
    query.sorts = {{"createTime", true, nullptr}};
    Page<TaskRow> page = rows.tasks().page(query);
    return {page.total, std::move(page.rows)};
}

std::vector<Overview::Day> last_days(const Repositories& rows, Instant now) {
    std::vector<Overview::Day> days = days_up_to(now, days_shown);
    for (const EndedRecords& ended : rows.records().ended_since(days.front().start)) {
        const auto next =
            std::ranges::upper_bound(days, ended.quarter_at, {}, &Overview::Day::start);
        Overview::Day& day = *std::prev(next);
        day.success += ended.success;
        day.failed += ended.failed;
    }
    return days;
}

}  // namespace

std::vector<Overview::Day> days_up_to(Instant now, int count) {
    const std::time_t seconds = to_millis(now) / 1'000;
    std::tm today{};
    ::localtime_r(&seconds, &today);
    std::vector<Overview::Day> days;
    for (int back = count - 1; back >= 0; --back) {
        std::tm midnight{};
        midnight.tm_year = today.tm_year;
        midnight.tm_mon = today.tm_mon;
        midnight.tm_mday = today.tm_mday - back;
        midnight.tm_isdst = -1;  // as it was on that day
        const std::time_t start = ::mktime(&midnight);
        days.push_back({from_millis(std::int64_t{start} * 1'000),
                        fmt::format("{:04}-{:02}-{:02}", midnight.tm_year + 1'900,
                                    midnight.tm_mon + 1, midnight.tm_mday)});
    }
    return days;
}

Overview OverviewService::for_person(const Identity& person) const {
    const auto may_query = [&](std::string_view resource) {
        return person.may(std::string(resource), std::string(permission::query));
    };
    return store_.read([&](const Repositories& rows) {
        Overview overview;
        if (may_query(permission::device)) {
            overview.devices = rows.devices().totals();
        }
        if (may_query(permission::device) && may_query(permission::product)) {
            overview.products = rows.devices().largest_products(products_max, versions_max);
        }
        if (may_query(permission::upgrade_task)) {
            overview.tasks = running_tasks(rows);
            overview.days = last_days(rows, clock_.now());
        }
        return overview;
    });
}

}  // namespace updraft
