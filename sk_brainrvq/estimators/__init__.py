"""The public estimators, one per file."""

from sk_brainrvq.estimators.brainrvq_classifier import BrainRVQClassifier
from sk_brainrvq.estimators.brainrvq_embedder import BrainRVQEmbedder
from sk_brainrvq.estimators.brainrvq_pretrainer import BrainRVQPretrainer
from sk_brainrvq.estimators.brainrvq_regressor import BrainRVQRegressor
from sk_brainrvq.estimators.code_histogram import CodeHistogram
from sk_brainrvq.estimators.ddrvq_transformer import DDRVQTransformer
from sk_brainrvq.estimators.subject_centering import SubjectCentering

__all__ = [
    "BrainRVQClassifier",
    "BrainRVQEmbedder",
    "BrainRVQPretrainer",
    "BrainRVQRegressor",
    "CodeHistogram",
    "DDRVQTransformer",
    "SubjectCentering",
]
