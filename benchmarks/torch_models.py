"""ResNet-50 and WA-ResNet-50 in PyTorch, for comparison.

The layers of `keras_wa.models.resnet50` in the same order, with the stride in the first
convolution of a block, as in keras.applications.
"""

from __future__ import annotations

import ptwt
import torch
from torch import nn


class Gate(nn.Module):
    """Squeeze-and-excitation with a reduction ratio of 16."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, channels // 16)
        self.excite = nn.Linear(channels // 16, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = torch.relu(self.squeeze(x.mean((2, 3))))
        return x * torch.sigmoid(self.excite(hidden))[:, :, None, None]


class Block(nn.Module):
    """A residual block of three convolutions."""

    def __init__(self, inputs: int, width: int, stride: int, gated: bool) -> None:
        super().__init__()
        outputs = 4 * width
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, width, 1, stride),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, outputs, 1),
            nn.BatchNorm2d(outputs),
        )
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            convolution = nn.Conv2d(inputs, outputs, 1, stride)
            self.shortcut = nn.Sequential(convolution, nn.BatchNorm2d(outputs))
        self.gate: nn.Module = Gate(outputs) if gated else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gate(torch.relu(self.branch(x) + self.shortcut(x)))


class ResNet50(nn.Module):
    """ResNet-50, or with `wavelet` WA-ResNet-50, on `(batch, 1, height, width)`."""

    def __init__(self, wavelet: bool) -> None:
        super().__init__()
        self.wavelet = wavelet
        channels = 4 if wavelet else 1
        self.stem = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.Conv2d(channels, 64, 7, 2, 3),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks, inputs = [], 64
        for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
            for number in range(count):
                blocks.append(Block(inputs, width, 1 if number else stride, wavelet))
                inputs = 4 * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(inputs, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.wavelet:
            low, details = ptwt.wavedec2(x[:, 0], "haar", level=1, mode="symmetric")
            x = torch.stack([low, *details], 1)
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))
