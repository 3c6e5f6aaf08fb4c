#include "packing/probe.h"

#include <algorithm>

#include "base/text.h"
#include "packing/file_kind.h"
#include "packing/golden_replay.h"
#include "packing/infer_function.h"
#include "packing/proofs_internal.h"
#include "packing/runner.h"
#include "packing/synthetic.h"

namespace slipway::packing {
namespace {

constexpr std::size_t kSyntheticRecords = 8;
constexpr std::size_t kMaxHeldBytes = std::size_t{256} << 20U;

std::size_t held_bytes(const Answered& answered) {
  std::size_t sum = answered.answer.size();
  for (const NamedTensor& tensor : answered.inputs) sum += tensor.tensor.data.size();
  for (const NamedTensor& tensor : answered.outputs) sum += tensor.tensor.data.size();
  return sum;
}

class Prober {
 public:
  Prober(const backend::ModelFiles& files, const Clock& clock, const ProbeOptions& options)
      : files_(files), clock_(clock), options_(options) {}

  Result<Probed> run(backend::Backend& backend) {
    found_.backend = backend.name();
    SLIPWAY_ASSIGN_OR_RETURN(instance_, backend.load(files_, options_.load));
    found_.labels.assign(instance_->labels().begin(), instance_->labels().end());
    SLIPWAY_ASSIGN_OR_RETURN(found_.signature, apply_shapes(instance_->signature(), options_.shapes));
    note_shapes();
    SLIPWAY_TRY(bind());
    SLIPWAY_ASSIGN_OR_RETURN(Records records, make_records());
    Runner runner(*instance_, *found_.function);
    SLIPWAY_TRY(answer_singles(runner, records));

    const Proof batchable = prove_batchable(runner, found_.signature, singles_);
    found_.batchable = batchable.holds;
    found_.batchable_why = batchable.why;
    found_.time_per_call = measure_call(runner, clock_, singles_.front());
    SLIPWAY_TRY(record_golden());

    SLIPWAY_ASSIGN_OR_RETURN(const auto fresh_instance, backend.load(files_, options_.load));
    Runner fresh(*fresh_instance, *found_.function);
    const Proof deterministic = prove_deterministic(runner, fresh, singles_);
    found_.deterministic = deterministic.holds;
    found_.deterministic_why = deterministic.why;
    const EqualityReport report = replay(found_.golden, options_.tolerances, answer_by(fresh));
    if (!report.equal()) {
      return failed_precondition(
          "packing.not_repeatable",
          "the model loaded again does not give its own golden answers: " + to_text(report) +
              "; fix what is random in it, or declare wider tolerances");
    }
    return std::move(found_);
  }

 private:
  void note_shapes() {
    for (const auto& [name, shape] : options_.shapes) {
      found_.notes.push_back("shape: the input '" + printable(name) + "' takes " +
                             found_.signature.inputs[*found_.signature.input_index(name)].shape.to_string() +
                             ", as declared");
    }
    if (starts_with_batch(found_.signature)) {
      found_.notes.push_back("batch: every input starts with a free dimension, which is taken for the rows");
    }
  }

  // The function that was declared, else the one that fits the sample and the labels, else the tensors' own
  // names.
  Status bind() {
    found_.spec = options_.function;
    if (!found_.spec) {
      std::vector<std::string> columns;
      if (options_.sample) {
        SLIPWAY_ASSIGN_OR_RETURN(const Records raw, read_records(*options_.sample, options_.sample_name, {}));
        columns = raw.columns;
      }
      if (auto inferred = infer_function(found_.signature, found_.labels, columns)) {
        // What does not bind was no good guess.
        if (function::Function::create(inferred->spec, found_.signature).ok()) {
          found_.spec = std::move(inferred->spec);
          for (std::string& note : inferred->notes) found_.notes.push_back(std::move(note));
        }
      }
    }
    SLIPWAY_ASSIGN_OR_RETURN(auto bound, found_.spec
                                             ? function::Function::create(*found_.spec, found_.signature)
                                             : function::Function::identity(found_.signature));
    if (found_.spec) found_.spec = bound.spec();
    if (!found_.spec) found_.notes.push_back("fields: the model's inputs and outputs, by their own names");
    found_.function.emplace(std::move(bound));
    return {};
  }

  Result<Records> make_records() {
    if (options_.sample) {
      SLIPWAY_ASSIGN_OR_RETURN(
          Records records, read_records(*options_.sample, options_.sample_name, found_.function->fields()));
      if (records.texts.size() > options_.max_records) {
        found_.notes.push_back("sample: " + std::to_string(options_.max_records) + " of its " +
                               std::to_string(records.texts.size()) + " records were run");
        spread(records);
      }
      return records;
    }
    SLIPWAY_ASSIGN_OR_RETURN(const ByteView model, files_.read(files_.main()));
    SLIPWAY_TRY(check_unambiguous(found_.signature, model));
    found_.synthetic = true;
    found_.notes.push_back(
        "golden answers: there is no sample, so they are for made-up records; give a sample of "
        "real ones for answers that mean something");
    Records records;
    records.name = "made-up records";
    Random random(options_.seed);
    for (std::size_t i = 0; i < kSyntheticRecords; ++i) {
      records.texts.push_back(synthetic_record(found_.function->fields(), random));
      records.lines.push_back(i + 1);
    }
    return records;
  }

  // Keeps records from all over the sample, because samples are often sorted.
  void spread(Records& records) const {
    Records kept;
    kept.name = records.name;
    kept.columns = records.columns;
    for (std::size_t i = 0; i < options_.max_records; ++i) {
      const std::size_t at = i * records.texts.size() / options_.max_records;
      kept.texts.push_back(std::move(records.texts[at]));
      kept.lines.push_back(records.lines[at]);
    }
    records = std::move(kept);
  }

  // Every record that does not fit is told, not only the first.
  Status answer_singles(Runner& runner, const Records& records) {
    std::vector<Fault> faults;
    std::size_t held = 0;
    for (std::size_t i = 0; i < records.texts.size() && faults.size() < function::Function::kMaxFaults; ++i) {
      if (held > kMaxHeldBytes && faults.empty()) break;
      auto answered = runner.answer(to_array(records.texts[i]));
      if (answered.ok()) {
        held += held_bytes(*answered);
        if (faults.empty()) singles_.push_back({records.texts[i], std::move(*answered)});
        continue;
      }
      if (answered.error().id() != "record.invalid") return run_failed(records, i, answered.error());
      Records one;
      one.name = records.name;
      one.lines = {records.lines[i]};
      const Error error = in_words_of(one, answered.error());
      faults.insert(faults.end(), error.faults().begin(), error.faults().end());
    }
    if (!faults.empty()) {
      return invalid_argument("record.invalid",
                              "'" + printable(records.name) +
                                  "' does not fit the model's fields; the fields are those of the "
                                  "function in slipway.yaml, else the model's inputs")
          .with_faults(std::move(faults));
    }
    found_.records = singles_.size();
    return {};
  }

  Error run_failed(const Records& records, std::size_t i, const Error& error) const {
    std::string hint;
    if (found_.synthetic) hint = "; the record is made up, so give a sample of real ones";
    return failed_precondition("packing.run_failed", "the model fails on record " + std::to_string(i + 1) +
                                                         " of '" + printable(records.name) +
                                                         "': " + error.message() + hint)
        .with_faults(error.faults());
  }

  Status record_golden() {
    std::size_t not_text = 0;
    for (const std::size_t position : choose_golden(singles_, *found_.function, options_.max_golden)) {
      package::GoldenCase golden = golden_case(singles_[position]);
      const auto encoded = package::encode_golden_case(golden);
      if (!encoded.ok() && encoded.error().id() == "golden.not_text") {
        ++not_text;
        continue;
      }
      if (!encoded.ok()) return encoded.error();
      found_.golden.push_back(std::move(golden));
      found_.sample.push_back(singles_[position].record);
    }
    if (not_text > 0) {
      found_.notes.push_back("golden answers: " + std::to_string(not_text) +
                             " were left out, because they hold text that is not UTF-8");
    }
    if (found_.golden.empty()) {
      return failed_precondition("packing.no_golden",
                                 "no answer of the model can be recorded: all hold binary text");
    }
    return {};
  }

  package::GoldenCase golden_case(const Single& single) const {
    package::GoldenCase golden;
    if (found_.spec) {
      golden.record = single.record;
      golden.answer = single.answered.answer.substr(1, single.answered.answer.size() - 2);
      return golden;
    }
    for (const NamedTensor& tensor : single.answered.inputs) {
      golden.inputs.push_back({tensor.name, Tensor::copy_of(tensor.tensor.view())});
    }
    for (const NamedTensor& tensor : single.answered.outputs) {
      golden.outputs.push_back({tensor.name, Tensor::copy_of(tensor.tensor.view())});
    }
    return golden;
  }

  const backend::ModelFiles& files_;
  const Clock& clock_;
  const ProbeOptions& options_;
  std::unique_ptr<backend::Instance> instance_;
  std::vector<Single> singles_;
  Probed found_;
};

}  // namespace

Result<backend::Backend*> find_backend(std::span<backend::Backend* const> backends, std::string_view name,
                                       ByteView file) {
  for (backend::Backend* backend : backends) {
    if (backend->probe(file)) return backend;
  }
  return refuse_file(name, file);
}

Result<Probed> probe(const backend::ModelFiles& files, std::span<backend::Backend* const> backends,
                     const Clock& clock, const ProbeOptions& options) {
  SLIPWAY_ASSIGN_OR_RETURN(const ByteView model, files.read(files.main()));
  SLIPWAY_ASSIGN_OR_RETURN(backend::Backend* const backend, find_backend(backends, files.main(), model));
  return Prober(files, clock, options).run(*backend);
}

}  // namespace slipway::packing
