// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {DodonaConsumer} from "../DodonaConsumer.sol";
import {IDodonaOracle} from "../interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "../interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";

/// @title PredictionMarket
/// @notice One question, settled by a proven answer: in which interval will a model's first output lie at `settlesAt`?
/// Stakes are taken until `closesAt`; those on the right outcome share the pool. No answer by `voidsAt`, an answer
/// outside the model's domain, or nobody right: everybody gets the stake back.
/// @dev WARNING: who could choose among observations could choose the outcome. So exactly one observation counts, that
/// of `settlesAt`, and `ask` works only while the oracle's window holds no other: less than one period before or after
/// it. A publisher still signs what it likes; take a model whose sources ask for several publishers (their median in
/// the circuit), else the operator picks one of them.
/// @dev The stake token must move what it says: no fee on transfer, no rebasing.
contract PredictionMarket is DodonaConsumer, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    enum Phase {
        Open,
        Resolved,
        Void
    }

    /// @notice What is asked and when.
    /// @param modelId only committed sources, whose periods divide `settlesAt`.
    /// @param mode 0 direct, 1 aggregated.
    /// @param closesAt first second at which no stake is taken any more; in the future.
    /// @param settlesAt time of the observation that decides, at or after `closesAt`.
    /// @param voidsAt last second at which an answer counts.
    /// @param thresholds rising, 1 … 15; outcome i means that i of them are not above the output.
    struct Question {
        bytes32 modelId;
        uint8 mode;
        uint64 closesAt;
        uint64 settlesAt;
        uint64 voidsAt;
        int64[] thresholds;
    }

    /// @notice Gas that the answer's delivery may use here.
    uint32 public constant CALLBACK_GAS = 200_000;
    uint256 private constant MAX_THRESHOLDS = 15;

    IERC20 public immutable stakeToken;
    bytes32 public immutable modelId;
    uint8 public immutable mode;
    uint64 public immutable closesAt;
    uint64 public immutable settlesAt;
    uint64 public immutable voidsAt;
    /// @notice Seconds before and after `settlesAt` in which the oracle may be asked.
    uint64 public immutable window;

    Phase public phase;
    /// @notice The right outcome, once resolved.
    uint256 public outcome;
    /// @notice Sum of all stakes.
    uint256 public pool;
    mapping(uint256 outcome => uint256) public stakedOn;
    mapping(address account => mapping(uint256 outcome => uint256)) public stakeOf;
    int64[] private _thresholds;

    event Staked(address indexed account, uint256 indexed outcome, uint256 amount);
    event Asked(bytes32 indexed id, address indexed payer, uint256 fee);
    event Resolved(bytes32 indexed id, uint256 indexed outcome, int64 output);
    event Voided(bytes32 indexed id);
    event Claimed(address indexed account, uint256 amount);

    /// @notice The model has a public source, which whoever asks would choose.
    error PublicSource(bytes32 modelId, uint256 source);
    /// @notice The times are not in order, or a feed has no observation at `settlesAt`.
    error BadTimes(uint256 closesAt, uint256 settlesAt, uint256 voidsAt);
    error BadThresholds(uint256 index);
    error OutcomeUnknown(uint256 count, uint256 got);
    error StakingClosed(uint256 closesAt, uint256 timestamp);
    error ZeroStake();
    error OutsideAskWindow(uint256 earliest, uint256 latest, uint256 timestamp);
    error NotOpen(Phase phase);
    error StillOpen();
    error TooEarlyToVoid(uint256 voidsAt, uint256 timestamp);
    error AnsweredTooLate(uint256 voidsAt, uint256 timestamp);
    error WrongObservation(uint256 expected, uint256 got);
    error NothingToClaim(address account);

    /// @param oracle where the answer comes from.
    /// @param stakeToken_ what is staked.
    /// @param question what is asked and when; see `Question`.
    constructor(IDodonaOracle oracle, IERC20 stakeToken_, Question memory question) DodonaConsumer(oracle) {
        bool ordered = block.timestamp < question.closesAt && question.closesAt <= question.settlesAt
            && question.settlesAt < question.voidsAt;
        if (!ordered) {
            revert BadTimes(question.closesAt, question.settlesAt, question.voidsAt);
        }
        window = _windowOf(oracle, question);
        _checkThresholds(question.thresholds);
        stakeToken = stakeToken_;
        modelId = question.modelId;
        mode = question.mode;
        closesAt = question.closesAt;
        settlesAt = question.settlesAt;
        voidsAt = question.voidsAt;
        _thresholds = question.thresholds;
    }

    /// @notice Takes `amount` from the caller as a stake on `outcome_` (0 … `outcomes() - 1`).
    function stake(uint256 outcome_, uint256 amount) external nonReentrant {
        if (block.timestamp >= closesAt) revert StakingClosed(closesAt, block.timestamp);
        if (outcome_ >= outcomes()) revert OutcomeUnknown(outcomes(), outcome_);
        if (amount == 0) revert ZeroStake();
        pool += amount;
        stakedOn[outcome_] += amount;
        stakeOf[msg.sender][outcome_] += amount;
        stakeToken.safeTransferFrom(msg.sender, address(this), amount);
        emit Staked(msg.sender, outcome_, amount);
    }

    /// @notice Anyone, within `window` of `settlesAt` and after staking has closed: pays for the answer. All of
    /// `msg.value` is the fee, at least `dodona.quote(askParams())`. Several may ask; the first answer counts.
    /// @dev WARNING: if nobody asks in this time the market is void; whoever expects to win should.
    function ask() external payable returns (bytes32 id) {
        if (phase != Phase.Open) revert NotOpen(phase);
        uint256 earliest = Math.max(closesAt, settlesAt - window + 1);
        uint256 latest = Math.min(settlesAt + window - 1, voidsAt - 1);
        if (block.timestamp < earliest || block.timestamp > latest) {
            revert OutsideAskWindow(earliest, latest, block.timestamp);
        }
        IDodonaOracle.RequestParams memory params = askParams();
        params.refundTo = msg.sender;
        id = _ask(params, msg.value);
        emit Asked(id, msg.sender, msg.value);
    }

    /// @notice Anyone: ends a market that got no answer by `voidsAt`.
    function voidUnanswered() external {
        if (phase != Phase.Open) revert NotOpen(phase);
        if (block.timestamp <= voidsAt) revert TooEarlyToVoid(voidsAt, block.timestamp);
        phase = Phase.Void;
        emit Voided(0);
    }

    /// @notice Pays the caller's share of the pool, or its stakes if the market is void. Rounded down.
    function claim() external nonReentrant returns (uint256 amount) {
        if (phase == Phase.Open) revert StillOpen();
        amount = claimable(msg.sender);
        if (amount == 0) revert NothingToClaim(msg.sender);
        uint256 count = outcomes();
        for (uint256 i = 0; i < count; ++i) {
            stakeOf[msg.sender][i] = 0;
        }
        stakeToken.safeTransfer(msg.sender, amount);
        emit Claimed(msg.sender, amount);
    }

    /// @notice What `claim` would pay to `account`; 0 while the market is open.
    function claimable(address account) public view returns (uint256 amount) {
        if (phase == Phase.Resolved) return Math.mulDiv(stakeOf[account][outcome], pool, stakedOn[outcome]);
        if (phase == Phase.Open) return 0;
        uint256 count = outcomes();
        for (uint256 i = 0; i < count; ++i) {
            amount += stakeOf[account][i];
        }
    }

    /// @notice What `ask` asks at this block, without fee and `refundTo`.
    function askParams() public view returns (IDodonaOracle.RequestParams memory params) {
        params.modelId = modelId;
        params.mode = mode;
        params.callbackGasLimit = CALLBACK_GAS;
        params.deadline = uint64(Math.min(voidsAt, block.timestamp + dodona.MAX_LIFETIME()));
        if (block.timestamp < settlesAt) params.allowLater = true;
        else params.maxDataAge = uint64(block.timestamp) - settlesAt;
    }

    /// @notice Number of outcomes: one more than thresholds.
    function outcomes() public view returns (uint256) {
        return _thresholds.length + 1;
    }

    function thresholds() external view returns (int64[] memory) {
        return _thresholds;
    }

    /// @notice The outcome that `output` means.
    function outcomeOf(int64 output) public view returns (uint256 index) {
        uint256 count = _thresholds.length;
        while (index < count && output >= _thresholds[index]) ++index;
    }

    /// @dev Reverts for answers that do not count, so that they show as failed callbacks; a further one to a market
    /// that is decided is such an answer too.
    function _onAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) internal override {
        if (phase != Phase.Open) revert NotOpen(phase);
        if (block.timestamp > voidsAt) revert AnsweredTooLate(voidsAt, block.timestamp);
        if (answer.observedAt != settlesAt) revert WrongObservation(settlesAt, answer.observedAt);
        uint256 right = outcomeOf(answer.outputs[0]);
        if (!answer.inDomain || !answer.unsaturated || stakedOn[right] == 0) {
            phase = Phase.Void;
            emit Voided(id);
            return;
        }
        phase = Phase.Resolved;
        outcome = right;
        emit Resolved(id, right, answer.outputs[0]);
    }

    /// @dev The shortest period of the model's feeds: within it, `settlesAt` is the only observation that fits.
    function _windowOf(IDodonaOracle oracle, Question memory question) private view returns (uint64 shortest) {
        IModelRegistry.ModelSpec memory spec = IModelRegistry(oracle.modelRegistry()).specOf(question.modelId);
        IFeedRegistry feeds = IFeedRegistry(oracle.feedRegistry());
        shortest = type(uint64).max;
        for (uint256 s = 0; s < spec.sources.length; ++s) {
            if (spec.sources[s].kind != 0) revert PublicSource(question.modelId, s);
            uint64 period = feeds.feedOf(spec.sources[s].feedId).period;
            if (question.settlesAt % period != 0) {
                revert BadTimes(question.closesAt, question.settlesAt, question.voidsAt);
            }
            if (period < shortest) shortest = period;
        }
    }

    function _checkThresholds(int64[] memory values) private pure {
        if (values.length == 0 || values.length > MAX_THRESHOLDS) revert BadThresholds(values.length);
        for (uint256 i = 1; i < values.length; ++i) {
            if (values[i - 1] >= values[i]) revert BadThresholds(i);
        }
    }
}
