// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {DodonaConsumer} from "../DodonaConsumer.sol";
import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {Words} from "../libraries/Words.sol";

/// @title SpamGate
/// @notice A board whose posts pass a spam filter first. An author posts with a deposit; a proven verdict on exactly
/// the posted bytes publishes the post and returns the deposit, or gives the deposit to a beneficiary.
/// @dev Nobody is trusted with the features: this contract counts the post's bytes itself and asks about those counts,
/// so that the verdict is about what was posted. That is also the limit: whatever the filter is to see must be cheap to
/// compute here. The model has one public source of `FEATURES` values and one output, the spam score.
contract SpamGate is DodonaConsumer, ReentrancyGuardTransient {
    /// @notice None: no such post. Pending: waits for a verdict. The others are final.
    enum Status {
        None,
        Pending,
        Published,
        Spam,
        Undecided,
        Reclaimed
    }

    /// @notice A post. `contentHash` is keccak256 of its bytes, which stand in the `Posted` event.
    struct Post {
        address author;
        uint64 deadline;
        Status status;
        bytes32 contentHash;
    }

    /// @notice Values that the filter sees: how often bytes 8·i … 8·i + 7 occur, for i = 0 … 31.
    uint256 public constant FEATURES = 32;
    /// @notice Greatest length of a post, bytes.
    uint256 public constant MAX_LENGTH = 1_024;
    /// @notice Seconds that operators have for a verdict.
    uint64 public constant TIME_TO_ANSWER = 1 hours;
    /// @notice Gas that the verdict's delivery may use here.
    uint32 public constant CALLBACK_GAS = 150_000;

    bytes32 public immutable modelId;
    /// @notice 0 direct, 1 aggregated.
    uint8 public immutable mode;
    /// @notice Least output that means spam, in the model's fixed-point units.
    int64 public immutable threshold;
    /// @notice What a post puts at stake, wei.
    uint256 public immutable deposit;
    /// @notice Who gets the deposits of spam.
    address public immutable beneficiary;

    mapping(bytes32 id => Post) private _posts;
    /// @notice wei that an account may withdraw.
    mapping(address account => uint256) public creditOf;

    /// @notice A post waits for its verdict; `id` is the oracle's request.
    event Posted(bytes32 indexed id, address indexed author, bytes content);
    /// @notice A post's verdict is known. `score` is the model's output.
    event Judged(bytes32 indexed id, Status status, int64 score);
    /// @notice Nobody answered in time; the deposit was credited to the author.
    event Reclaimed(bytes32 indexed id);
    event Withdrawn(address indexed account, uint256 amount);

    /// @notice The model does not take `FEATURES` public values or does not give exactly one output.
    error BadModel(bytes32 modelId);
    error ZeroBeneficiary();
    error LengthOutOfRange(uint256 max, uint256 got);
    /// @notice Less was sent than the deposit.
    error DepositMissing(uint256 expected, uint256 got);
    error NotPending(bytes32 id, Status status);
    error DeadlineNotPassed(bytes32 id, uint256 deadline, uint256 timestamp);
    error NothingToWithdraw(address account);
    error TransferFailed(address to, uint256 amount);

    /// @param oracle where verdicts come from.
    /// @param modelId_ the filter.
    /// @param mode_ 0 direct, 1 aggregated.
    /// @param threshold_ least output that means spam.
    /// @param deposit_ wei at stake with each post.
    /// @param beneficiary_ gets the deposits of spam; it has no say in a verdict.
    constructor(
        IDodonaOracle oracle,
        bytes32 modelId_,
        uint8 mode_,
        int64 threshold_,
        uint256 deposit_,
        address beneficiary_
    ) DodonaConsumer(oracle) {
        IModelRegistry.ModelSpec memory spec = IModelRegistry(oracle.modelRegistry()).specOf(modelId_);
        bool fits = spec.nOutputs == 1 && spec.sources.length == 1 && spec.sources[0].kind == 1
            && spec.sources[0].length == FEATURES;
        if (!fits) revert BadModel(modelId_);
        if (beneficiary_ == address(0)) revert ZeroBeneficiary();
        modelId = modelId_;
        mode = mode_;
        threshold = threshold_;
        deposit = deposit_;
        beneficiary = beneficiary_;
    }

    /// @notice Posts `content` (1 … `MAX_LENGTH` bytes). The caller sends the deposit and the oracle's fee; whatever is
    /// beyond the deposit is the fee, at least `dodona.quote(paramsOf(content))`.
    function post(bytes calldata content) external payable nonReentrant returns (bytes32 id) {
        if (content.length == 0 || content.length > MAX_LENGTH) revert LengthOutOfRange(MAX_LENGTH, content.length);
        if (msg.value < deposit) revert DepositMissing(deposit, msg.value);
        IDodonaOracle.RequestParams memory params = paramsOf(content);
        params.refundTo = msg.sender;
        id = _ask(params, msg.value - deposit);
        _posts[id] = Post({
            author: msg.sender, deadline: params.deadline, status: Status.Pending, contentHash: keccak256(content)
        });
        emit Posted(id, msg.sender, content);
    }

    /// @notice Anyone: gives the deposit back to the author of a post that got no verdict before its deadline. The
    /// oracle's fee is a matter between the author and the oracle (`dodona.refund(id)`).
    function reclaim(bytes32 id) external {
        Post storage stored = _pending(id);
        if (block.timestamp <= stored.deadline) revert DeadlineNotPassed(id, stored.deadline, block.timestamp);
        stored.status = Status.Reclaimed;
        creditOf[stored.author] += deposit;
        emit Reclaimed(id);
    }

    /// @notice Pays the caller's credits to it.
    function withdraw() external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool ok,) = msg.sender.call{value: amount}("");
        if (!ok) revert TransferFailed(msg.sender, amount);
    }

    function postOf(bytes32 id) external view returns (Post memory) {
        return _posts[id];
    }

    /// @notice What is asked about `content`, without fee and `refundTo`.
    function paramsOf(bytes calldata content) public view returns (IDodonaOracle.RequestParams memory params) {
        params.modelId = modelId;
        params.mode = mode;
        params.callbackGasLimit = CALLBACK_GAS;
        params.deadline = uint64(block.timestamp) + TIME_TO_ANSWER;
        params.publicWords = Words.packInputs(featuresOf(content));
    }

    /// @notice What the filter sees of `content`: counts of its bytes in `FEATURES` classes of eight neighbours.
    function featuresOf(bytes calldata content) public pure returns (int64[] memory counts) {
        counts = new int64[](FEATURES);
        for (uint256 i = 0; i < content.length; ++i) {
            ++counts[uint8(content[i]) >> 3];
        }
    }

    /// @dev A verdict outside the model's domain is none: the post is not published, the deposit is returned. One that
    /// is delivered again after the author reclaimed the deposit comes too late.
    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal override {
        Post storage stored = _pending(id);
        bool usable = answer.inDomain && answer.unsaturated;
        Status verdict = !usable ? Status.Undecided : answer.outputs[0] < threshold ? Status.Published : Status.Spam;
        stored.status = verdict;
        creditOf[verdict == Status.Spam ? beneficiary : stored.author] += deposit;
        emit Judged(id, verdict, answer.outputs[0]);
    }

    function _pending(bytes32 id) private view returns (Post storage stored) {
        stored = _posts[id];
        if (stored.status != Status.Pending) revert NotPending(id, stored.status);
    }
}
