// Numbers of a column, and numbers as text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steps/rule_internal.h"
#include "steps/table.h"

namespace slipway::steps {

/// The numbers that are there, sorted.
std::vector<double> sorted_numbers(const Column& column);
/// The value below which a share of the numbers lies, between two of them where there is none. Precondition:
/// `sorted` is not empty. Source: numpy.percentile's default method.
double quantile(const std::vector<double>& sorted, double share);

/// The shortest text that reads as the same number.
std::string number_text(double number);
/// Nothing when the whole text is no finite number.
std::optional<double> text_number(std::string_view text);

/// Faults for columns that do not hold one value per row.
void check_single(const Table& table, const std::vector<std::string>& columns, Report& report);
/// A fault for a list of numbers, where one is given, that has not one per column.
void check_count(std::string_view setting, std::size_t count, std::size_t columns, Report& report);

}  // namespace slipway::steps
