# The image for `python -m course_lib.grading ... --sandbox docker`. Build it in the clone, so that versions agree:
#   docker build -t course-grading -f workshop/grading.Dockerfile .
FROM python:3.11-slim
COPY constraints.txt /tmp/constraints.txt
RUN pip install --no-cache-dir -c /tmp/constraints.txt --extra-index-url https://download.pytorch.org/whl/cpu \
    torch numpy scipy scikit-learn matplotlib ipywidgets tqdm pillow
USER 65534:65534
WORKDIR /tmp
