"""A dataset: `keras-wa train --dataset numbered --data-dir DIR`.

Its folder has images `PATIENT-LABEL.png`, such as `0017-malignant.png`.
"""

from pathlib import Path

import cv2
import pandas as pd

from keras_wa.data import Dataset, Roi, new_case_table, register_dataset
from keras_wa.errors import UserError


@register_dataset("numbered")
def read_numbered(data_dir, options, seed):
    """Reads the images; one patient in four is tested on."""
    root = Path(data_dir)
    files = sorted(root.glob("*-*.png"))
    if not files:
        raise UserError(
            f"{root}: received no image; expected PATIENT-LABEL.png, such as "
            "0017-malignant.png."
        )
    table = pd.DataFrame({"image_path": [file.name for file in files]})
    stems = table["image_path"].str.removesuffix(".png")
    table["roi_id"] = stems
    parts = stems.str.split("-", n=1, expand=True)
    table["patient_id"] = parts[0]
    table["label"] = (parts[1] == "malignant").astype(int)
    test = table["patient_id"].astype(int) % 4 == 0
    table["split"] = test.map({True: "test", False: "train"})

    def read(row: pd.Series) -> Roi:
        pixels = cv2.imread(str(root / row["image_path"]), cv2.IMREAD_GRAYSCALE)
        if pixels is None:
            raise UserError(f"{root / row['image_path']}: not an image. Replace it.")
        return Roi(pixels)

    return Dataset("numbered", cases=new_case_table(table), read=read, root=root)
