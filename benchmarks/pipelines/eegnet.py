"""EEGNet of braindecode, trained from scratch."""

import numpy as np
import torch
from braindecode import EEGClassifier
from braindecode.models import EEGNet
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

PIPELINE = {
    "name": "EEGNet",
    "paradigms": ["LeftRightImagery", "RestingStateToP300Adapter"],
    "pipeline": make_pipeline(
        FunctionTransformer(np.asarray, kw_args={"dtype": np.float32}),
        EEGClassifier(
            EEGNet,
            optimizer=torch.optim.AdamW,
            optimizer__lr=1e-3,
            batch_size=32,
            iterator_train__drop_last=False,
            train_split=None,
            max_epochs=20,
            verbose=0,
        ),
    ),
    "param_grid": {"eegclassifier__optimizer__lr": [3e-4, 1e-3]},
}
