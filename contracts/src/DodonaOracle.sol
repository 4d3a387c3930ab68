// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IDodonaOracle} from "./interfaces/IDodonaOracle.sol";
import {IFeedRegistry} from "./interfaces/IFeedRegistry.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IOperatorStaking} from "./interfaces/IOperatorStaking.sol";
import {IVerifierRouter} from "./interfaces/IVerifier.sol";
import {OracleDesk} from "./oracle/Desk.sol";
import {Fulfilment} from "./oracle/Fulfilment.sol";
import {Head} from "./oracle/Head.sol";
import {ProofChecks} from "./oracle/ProofChecks.sol";
import {OracleStore} from "./oracle/Store.sol";

/// @title DodonaOracle
/// @notice See IDodonaOracle. The owner sets the prices of new requests and can do nothing else: no answer, no request
/// and nobody's funds are within its reach.
/// @dev Put together from `oracle/`: Store (all state), ProofChecks (instance, observations, verifier), Fulfilment
/// (answers and callbacks) are in this contract's code; Requests and Acceptance are in the desk's, which runs on this
/// contract's storage. The desk is deployed here and never changes.
contract DodonaOracle is Fulfilment {
    using SafeERC20 for IERC20;

    /// @inheritdoc IDodonaOracle
    uint32 public constant MAX_CALLBACK_GAS = CALLBACK_GAS;
    /// @inheritdoc IDodonaOracle
    uint64 public constant MAX_LIFETIME = LIFETIME;
    /// @inheritdoc IDodonaOracle
    uint96 public constant LEAST_PENALTY = PENALTY_MIN;
    /// @inheritdoc IDodonaOracle
    uint96 public constant MAX_PENALTY = PENALTY_MAX;
    /// @inheritdoc IDodonaOracle
    uint64 public constant ACCEPT_WINDOW = WINDOW;
    /// @inheritdoc IDodonaOracle
    uint64 public constant CONTEST_PERIOD = CONTEST;
    /// @inheritdoc IDodonaOracle
    uint256 public constant COMPENSATED_GAS = GAS_BACK;
    /// @inheritdoc IDodonaOracle
    uint256 public constant AGGREGATED_WORDS = INSTANCE_WORDS;

    /// @inheritdoc IDodonaOracle
    address public immutable desk;

    /// @param owner_ sets prices.
    /// @param models_ model registry; must use the same feed registry.
    /// @param feeds_ feed registry.
    /// @param router_ verifier versions.
    /// @param staking_ where operators' stake is reserved.
    /// @param ethPrices prices of requests that are paid in ETH.
    constructor(
        address owner_,
        IModelRegistry models_,
        IFeedRegistry feeds_,
        IVerifierRouter router_,
        IOperatorStaking staking_,
        Prices memory ethPrices
    ) Ownable(msg.sender) ProofChecks(models_, feeds_, router_) OracleStore(staking_) {
        OracleDesk desk_ = new OracleDesk(models_, feeds_, router_, staking_);
        desk = address(desk_);
        Address.functionDelegateCall(address(desk_), abi.encodeCall(desk_.setPrices, (ETH, ethPrices)));
        _transferOwnership(owner_);
    }

    // ------------------------------------------------------------ at the desk

    /// @inheritdoc IDodonaOracle
    function setPrices(address, Prices calldata) external {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function request(RequestParams calldata) external payable returns (bytes32) {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function increaseFee(bytes32, uint96) external payable {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function accept(bytes32, address, SignedHeader[] calldata) external {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function voidAcceptance(bytes32, address, SignedHeader[] calldata) external {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function settleMissed(bytes32) external {
        _delegate();
    }

    /// @inheritdoc IDodonaOracle
    function refund(bytes32) external {
        _delegate();
    }

    // ----------------------------------------------------------------- paying

    /// @inheritdoc IDodonaOracle
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroPayee();
        amount = _creditOf[token][msg.sender];
        if (amount == 0) revert NothingToWithdraw(token, msg.sender);
        _creditOf[token][msg.sender] = 0;
        _books[token].credits -= uint96(amount);
        emit Withdrawn(token, msg.sender, to, amount);
        if (token != ETH) {
            IERC20(token).safeTransfer(to, amount);
            return amount;
        }
        (bool ok,) = to.call{value: amount}("");
        if (!ok) revert TransferFailed(to, amount);
    }

    // ---------------------------------------------------------------- reading

    /// @inheritdoc IDodonaOracle
    function quote(RequestParams calldata params) external view returns (uint256 fee) {
        return _quote(params);
    }

    /// @inheritdoc IDodonaOracle
    function requestOf(bytes32 id) external view returns (Request memory stored) {
        Entry storage entry = _entries[id];
        Head head = entry.head;
        if (head.status() == Status.None) revert RequestUnknown(id);
        stored.requester = head.requester();
        stored.deadline = head.status() == Status.Fulfilled ? 0 : head.deadline();
        stored.status = head.status();
        stored.mode = head.mode();
        stored.allowLater = head.allowLater();
        stored.modelId = entry.modelId;
        stored.refundTo = _refundToOf(entry, head);
        stored.createdAt = head.createdAt();
        Terms memory terms = entry.terms;
        stored.fee = terms.fee;
        stored.maxDataAge = terms.maxDataAge;
        stored.maxDeliveryAge = terms.maxDeliveryAge;
        stored.callbackGasLimit = terms.callbackGasLimit;
        stored.verifierVersion = terms.version;
        stored.publicWordsHash = entry.publicWordsHash;
        stored.feeToken = entry.feeToken;
        stored.penalty = _penaltyOf(entry, head);
        stored.baseFee = terms.baseFee;
    }

    /// @inheritdoc IDodonaOracle
    function statusOf(bytes32 id) external view returns (Status) {
        return _entries[id].head.status();
    }

    /// @inheritdoc IDodonaOracle
    function requestIdOf(address requester, uint256 nonce, RequestParams calldata params)
        external
        view
        returns (bytes32)
    {
        return _idOf(requester, nonce, params);
    }

    /// @inheritdoc IDodonaOracle
    function acceptanceOf(bytes32 id) external view returns (Promise memory acceptance) {
        Entry storage entry = _entries[id];
        if (entry.acceptance == 0) revert NotAccepted(id);
        Head head = entry.head;
        acceptance.operator = _operatorOf(entry);
        acceptance.penalty = _penaltyOf(entry, head);
        acceptance.commitment = uint224(entry.acceptance);
        if (head.status() == Status.Open) acceptance.until = head.window();
        else acceptance.contestedUntil = uint64(_missedAt(entry, head)) + CONTEST;
    }

    /// @inheritdoc IDodonaOracle
    function pricesOf(address token) external view returns (Prices memory) {
        StoredPrices memory prices = _prices[token];
        return Prices(prices.direct, prices.aggregated, prices.callbackGasPrice, prices.listed);
    }

    /// @inheritdoc IDodonaOracle
    function creditOf(address token, address account) external view returns (uint256) {
        return _creditOf[token][account];
    }

    /// @inheritdoc IDodonaOracle
    function totalEscrow(address token) external view returns (uint256) {
        return _books[token].escrow;
    }

    /// @inheritdoc IDodonaOracle
    function totalCredits(address token) external view returns (uint256) {
        return _books[token].credits;
    }

    /// @inheritdoc IDodonaOracle
    function nextNonce() external view returns (uint256) {
        return _books[ETH].nonce;
    }

    /// @inheritdoc IDodonaOracle
    function modelRegistry() external view returns (address) {
        return address(_models);
    }

    /// @inheritdoc IDodonaOracle
    function feedRegistry() external view returns (address) {
        return address(_feeds);
    }

    /// @inheritdoc IDodonaOracle
    function verifierRouter() external view returns (address) {
        return address(_router);
    }

    /// @inheritdoc IDodonaOracle
    function operatorStaking() external view returns (address) {
        return address(_staking);
    }

    /// @dev Ends the call with the desk's answer to it, whatever that is.
    function _delegate() private {
        address target = desk;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), target, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}
